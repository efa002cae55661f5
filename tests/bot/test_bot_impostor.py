"""The double of another person never speaks for the owner."""

import pytest

from bot.app import serve
from exporter.errors import DoppelgangerError
from exporter.store import open_store
from tests.bot.bigram import a_card


async def test_the_double_of_another_person_is_refused_before_anything_connects(tmp_path):
    card = a_card(settings={"learn": "Anna"})
    with (
        open_store(tmp_path / "history.db") as store,
        pytest.raises(DoppelgangerError, match="the double of Anna, and must not speak for you") as refused,
    ):
        await serve(None, store, None, card, print)
    assert 'learn = "owner"' in refused.value.fix
    assert [a_card(settings={"learn": whose}).speaker for whose in ("owner", "everyone")] == [None, None]
