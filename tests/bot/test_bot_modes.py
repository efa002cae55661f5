"""Who is spoken with: what the owner chose at a desk, in the configuration, or by his folders on the phone."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.deciding.modes import Modes, in_folders
from bot.tables import migrations
from exporter.errors import ConfigError
from exporter.pulling.dialogs import Folder
from exporter.settings.modes import Mode
from exporter.settings.replying import Reply
from exporter.storing.store import open_store

FOLDERS = (Folder("Ask", frozenset({5, 6})), Folder("Free", frozenset({6, 7, 8}), excluded=frozenset({8})))


def test_a_chat_in_both_folders_is_off_and_rules_put_nobody_in():
    reply = Reply(draft_folder="Ask", auto_folder="Free")
    assert in_folders(reply, FOLDERS) == {5: Mode.DRAFT, 6: Mode.OFF, 7: Mode.AUTO}
    assert in_folders(Reply(auto_folder="All"), [Folder("All", frozenset(), kinds=frozenset({"contacts"}))]) == {}
    assert in_folders(Reply(), FOLDERS) == {}


@pytest.mark.parametrize("folders", [(), (*FOLDERS, FOLDERS[1])])
def test_a_folder_that_is_not_there_or_twice_is_an_error(folders):
    with pytest.raises(ConfigError):
        in_folders(Reply(auto_folder="Free"), folders)


def test_the_desk_goes_before_the_configuration_and_that_before_the_folder(at):
    anna, boris, nina = (at.person(name).id for name in ("Anna", "Boris", "Nina"))
    reply = Reply(draft=("Boris",), off=("Nina",), auto_folder="Free")
    config = at.config.model_copy(update={"reply": reply})
    with open_store(config.database, migrations) as store:
        modes = Modes(config, store, lambda: datetime.now(UTC))
        modes.look_into([Folder("Free", frozenset({anna, boris, nina, 777000, at.owner.id, 999}))])
        assert modes.now() == {anna: Mode.AUTO, boris: Mode.DRAFT}
        modes.choose(boris, Mode.AUTO)
        modes.choose(anna, Mode.OFF)
        modes.choose(nina, Mode.DRAFT)
        assert modes.now() == {boris: Mode.AUTO, nina: Mode.DRAFT}
        assert Modes(config, store, lambda: datetime.now(UTC)).now() == {boris: Mode.AUTO, nina: Mode.DRAFT}
        with pytest.raises(ConfigError):
            modes.look_into([])
        assert modes.now() == {boris: Mode.AUTO, nina: Mode.DRAFT}


async def test_who_took_another_name_is_left_alone_and_told_of_while_the_others_are_spoken_with(at):
    anna, boris = at.person("Anna"), at.person("Boris")
    with open_store(at.config.database, migrations) as store:
        store.save_peers([replace(store.peer(anna.id), name="Anna Maria")])
    async with at.running():
        (line,) = [line for line in at.lines if "no chat is called Anna" in line]
        assert "did you mean Anna Maria?" in line and "@username or an id" in line
        at.say(at.owner, at.owner, "/status")
        await at.until(lambda: any(line in message.text for message in at.saved()))
        for friend in (anna, boris):
            at.say(friend, at.owner, "coming?")
        await at.until(lambda: at.from_owner(boris) == ["yes"])
        assert at.from_owner(anna) == [] and len(at.saved()) == 2


@pytest.mark.parametrize("more_settings", ['off = ["Nobody"]\nauto_folder = "Double"\n'])
async def test_who_is_to_be_left_alone_must_be_somebody(at):
    with pytest.raises(ConfigError, match="no chat is called Nobody"):
        async with at.running():
            pass


@pytest.mark.parametrize("more_settings", ['auto_folder = "Double"\n'])
async def test_whoever_the_owner_puts_into_his_folder_or_takes_out_counts_so_at_once(at):
    anna, boris = at.person("Anna"), at.person("Boris")
    folder = at.world.folder(at.owner, "Double", include=[anna], contacts=True)
    at.script.says = [("yes",)]
    async with at.running():
        for friend in (anna, boris):
            at.say(friend, at.owner, "coming?")
        await at.until(lambda: at.from_owner(anna) == ["yes"])
        await at.quiet(0.1)
        assert at.from_owner(boris) == []
        at.world.fill(at.owner, folder, boris)
        await at.until(lambda: at.calls("messages.getDialogFilters")[1:])
        await at.quiet(0.1)
        for friend in (anna, boris):
            at.say(friend, at.owner, "really?")
        await at.until(lambda: at.from_owner(boris) == ["yes"])
        await at.quiet(0.1)
        assert at.from_owner(anna) == ["yes"] and at.saved() == []


@pytest.mark.parametrize("more_settings", ['draft_folder = "Ask"\n'])
async def test_without_its_folder_nobody_is_spoken_with_and_the_card_is_withdrawn(at):
    anna = at.person("Anna")
    folder = at.world.folder(at.owner, "Ask", include=[anna])
    async with at.running():
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(at.saved)
        await at.until(lambda: any("wait for you" in line for line in at.lines))
        at.world.folders[at.owner.id].remove(folder)
        other = at.world.folder(at.owner, "Other", include=[anna])
        assert other.title == "Other"
        await at.until(lambda: "off now" in at.saved()[0].text)
        at.say(at.owner, at.owner, "1", reply_to=card)
        await at.quiet(0.1)
        assert at.from_owner(anna) == []
        assert any("no folder is called Ask" in line for line in at.lines)


async def test_a_group_that_became_a_supergroup_is_meant_by_its_name_and_its_mode_goes_over(at):
    (climbers,) = at.world.groups.values()
    async with at.running():
        club = at.world.migrate(climbers)
        with open_store(at.config.database, migrations) as store:
            await at.until(store.state.migrated)
    async with at.running() as drafts:
        at.say(at.person("Anna"), club, "@olive coming?")
        await at.until(lambda: drafts.open_in(club.key))
