"""What the owner orders at a desk: understood or answered with the grammar, obeyed at once, told to nobody else."""

import sys
from datetime import UTC, datetime

import pytest

from bot.deciding.modes import Modes
from bot.desks.orders.order import Answer, Order, Orders, parse
from bot.tables import migrations
from exporter.errors import DoppelgangerError
from exporter.rights.consent import Ledger
from exporter.settings.modes import Mode
from exporter.storing.store import open_store
from tests.bot.bigram import write_artifact


@pytest.mark.parametrize(
    ("said", "understood"),
    [
        ("/status", ("status", "")),
        ("/STATUS@my_bot", ("status", "")),
        (" /mode  Anna Maria auto\n", ("mode", "Anna Maria auto")),
        ("/", ("", "")),
        ("/note two\nlines", ("note", "two\nlines")),
    ],
)
def test_a_command_is_a_name_and_what_stands_behind_it(said, understood):
    assert parse(said) == understood


async def test_what_is_unknown_or_unclear_is_answered_with_the_grammar():
    async def refuse(words):
        raise DoppelgangerError(f"no chat is called {words}", fix="did you mean Anna?")

    async def tell(words):
        return Answer("fine")

    orders = Orders((Order("mode", "[CONTACT]", "whom", refuse), Order("status", "", "how", tell)))
    assert (await orders.obey("/status")).text == "fine"
    for said, answer in {
        "/hello": "no command /hello",
        "/status now": "Nothing may stand behind /status",
        "/mode Ana": "no chat is called Ana.\ndid you mean Anna?\n\n/mode [CONTACT]: whom",
    }.items():
        assert answer in (await orders.obey(said)).text
        assert "I did nothing" in (await orders.obey(said)).text
    assert (await orders.obey("/help")).text == "/mode [CONTACT]: whom\n/status: how"


def told(at):
    """What the double says to its owner, but for cards."""
    return [m.text.removeprefix("🤖 ") for m in at.saved() if m.text.startswith("🤖 ") and "\n> " not in m.text]


async def ordered(at, text):
    """The answer to a command."""
    before = len(told(at))
    at.say(at.owner, at.owner, text)
    return (await at.until(lambda: told(at)[before:]))[-1]


async def test_a_mode_chosen_at_a_desk_counts_at_once_and_after_a_restart(at):
    anna, nina = at.person("Anna"), at.person("Nina")
    at.script.says = [("yes",)]
    async with at.running():
        assert (await ordered(at, "/mode")).startswith("auto: Boris\ndraft: Anna, Climbers\n")
        assert await ordered(at, "/mode nina AUTO") == "Nina: auto from now on."
        assert await ordered(at, "/mode Anna off") == "Anna: off from now on."
        assert await ordered(at, "/mode nina") == "Nina: auto"
        for friend in (anna, nina):
            at.say(friend, at.owner, "coming?")
        await at.until(lambda: at.from_owner(nina) == ["yes"])
        await at.quiet(0.1)
        assert not any("coming?" in message.text for message in at.saved()), "Anna is off"
    with open_store(at.config.database, migrations) as store:
        modes = Modes(at.config, store, None).now()
    assert modes[nina.id] is Mode.AUTO and anna.id not in modes


@pytest.mark.parametrize("more_settings", [""])
async def test_the_first_auto_is_told_what_it_means(at):
    async with at.running():
        assert "I wait, read, type and answer there by myself" in await ordered(at, "/mode Anna auto")
        assert await ordered(at, "/mode Boris auto") == "Boris: auto from now on."
        assert "In a group I only draft" in await ordered(at, "/mode Climbers draft")


async def test_a_wrong_name_changes_nothing_and_near_ones_are_listed(at):
    at.world.person("Anna")
    async with at.running():
        before = await ordered(at, "/mode")
        assert "did you mean Nina?" in await ordered(at, "/mode Nna auto")
        assert "no chat is called auto" in await ordered(at, "/mode auto")
        assert "nobody to talk with" in await ordered(at, "/mode Olive draft")
        assert "no chat is called Bors" in await ordered(at, "/stop Bors")
        assert await ordered(at, "/mode") == before


async def test_somebody_who_did_not_agree_is_not_chosen_but_can_be_left_alone(at):
    nina = at.person("Nina")
    with open_store(at.config.database, migrations) as store:
        Ledger(store.database, at.config.consent).revoke(store.peers()[nina.id], ["reply"], datetime.now(UTC))
    async with at.running():
        assert "python -m exporter consent Nina --reply" in await ordered(at, "/mode Nina auto")
        assert await ordered(at, "/mode Nina") == "Nina: off"
        assert "Nina: off, no consent, 2 messages" in await ordered(at, "/contacts nin")
        assert await ordered(at, "/mode Nina off") == "Nina: off from now on."


async def test_acceptance_34_stop_at_a_desk_and_no_message_goes_out_any_more_even_after_a_restart(at):
    boris = at.person("Boris")

    def cards():
        return [message for message in at.saved() if "\n> " in message.text]

    async with at.running():
        assert "nothing to anybody any more" in await ordered(at, "/stop")
        at.say(boris, at.owner, "coming?")
        (card,) = await at.until(cards)
        at.say(at.owner, at.owner, "1", reply_to=card)
        await at.until(lambda: "Not sent: you stopped it" in cards()[0].text)
    async with at.running():
        at.say(boris, at.owner, "really?")
        await at.until(lambda: "> really?" in cards()[-1].text)
        await at.quiet(0.1)
        assert at.from_owner(boris) == []
        assert "nothing to Boris any more. /resume Boris" in await ordered(at, "/stop boris")
        assert await ordered(at, "/resume") == "I speak with everybody again, as /mode says."
        at.script.says = [("yes",)]
        at.say(boris, at.owner, "now?")
        await at.until(lambda: at.from_owner(boris) == ["yes"])


async def test_stats_and_models_are_told_and_without_matplotlib_there_is_no_picture(at, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in ("chart", "look", "panels"):
        monkeypatch.delitem(sys.modules, f"exporter.stats.{name}", raising=False)
    artifact = write_artifact(at.config.models, [("yes",)], owner="Olive")
    async with at.running():
        stats = await ordered(at, "/stats")
        assert "3 messages of yours, 4 of theirs" in stats and "Anna: 1 of yours, 1 of theirs" in stats
        assert f"{artifact.name}: " in await ordered(at, "/models")
        assert "is none of the models" in await ordered(at, "/models nothing")


async def test_a_note_is_for_one_contact_or_for_all_and_never_for_all_where_one_was_meant(at):
    async with at.running():
        assert "whomever I write to, until 6 May 00:00" in await ordered(at, "/note in Lisbon until 5 May 2099")
        assert (await ordered(at, "/note Anna: her party is a surprise until 6 May 2099")).startswith(
            "I know it when I write to Anna, until 7 May 00:00."
        )
        assert "did you mean Anna?" in await ordered(at, "/note Ana: her party is a surprise")
        assert "whomever I write to" in await ordered(at, "/note away at 18:30")
        assert "the note is empty" in await ordered(at, "/note")
        first, second, third = (await ordered(at, "/notes")).splitlines()
        assert first.startswith("1. in Lisbon") and second.startswith("2. Anna: her party") and "18:30" in third
        assert "no note is meant by 2" in await ordered(at, "/notes 2")
        assert await ordered(at, "/notes remove 2") == "I do not know note 2 any more."
        assert "party" not in await ordered(at, "/notes")
        assert await ordered(at, "/train cancel") == "No training is under way."
