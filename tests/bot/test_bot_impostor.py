"""The double of another person never speaks for the owner."""

from pathlib import Path

import pytest

from bot.composing.voice import Voice
from exporter.errors import DoppelgangerError
from tests.bot.bigram import a_card
from trainer.models.artifact import Artifact


async def test_the_double_of_another_person_is_refused_before_it_is_loaded():
    card = a_card(settings={"learn": "Anna"})
    voice = Voice(lambda artifact: pytest.fail("it was loaded"), lambda card: None)
    with pytest.raises(DoppelgangerError, match="the double of Anna, and must not speak for you") as refused:
        await voice.exchange(Artifact(Path("a model"), card))
    assert 'learn = "owner"' in refused.value.fix
    assert [a_card(settings={"learn": whose}).speaker for whose in ("owner", "everyone")] == [None, None]
