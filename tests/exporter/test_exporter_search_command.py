"""The command `search`: what was found in its place, fit for any terminal, and what to try where nothing was."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.cells import cell_len

from exporter.commands.search import AROUND, search_command
from exporter.errors import ConfigError, DoppelgangerError
from exporter.messages import Message, MessageKind, Peer, PeerKind
from exporter.storing.store import Store
from tests.exporter.conftest import Command

OWNER, ANNA, BORIS = 1, 7, 8
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
Search = Callable[..., Result]


@pytest.fixture
def filled(store: Store) -> Store:
    store.save_peers([Peer(OWNER, PeerKind.SELF, "Olive"), Peer(ANNA, PeerKind.USER, "Anna [bold]", "anna_b")])
    store.save_peers([Peer(BORIS, PeerKind.USER, "Boris")])
    lines = [
        (ANNA, ANNA, "pizza tonight?"),
        (ANNA, OWNER, "the [red]goose[/red] says\nno \x1b[31m"),
        (ANNA, ANNA, ""),
        (BORIS, BORIS, "no goose here. " + "and so on " * 90 + "gander " + "and so on " * 90),
    ]
    store.add(
        Message(chat, number, sender, NOON + timedelta(minutes=number), sender == OWNER, text)
        if text
        else Message(chat, number, sender, NOON + timedelta(minutes=number), False, "", MessageKind.STICKER, "👋")
        for number, (chat, sender, text) in enumerate(lines, 1)
    )
    return store


@pytest.fixture
def search(config_file: Path) -> Search:
    def call(*arguments: str, columns: int = 80) -> Result:
        command = [*arguments, "--config", str(config_file)]
        return CliRunner(env={"COLUMNS": str(columns)}).invoke(search_command, command)

    return call


def lines(result: Result) -> list[str]:
    assert result.exception is None, result.exception
    return [line.rstrip() for line in result.stdout.splitlines()]


@pytest.fixture
def in_tokyo(config_file: Path) -> None:
    config_file.write_text('timezone = "Asia/Tokyo"\n' + config_file.read_text())


async def test_a_hit_is_shown_in_its_place(filled: Store, in_tokyo: None, command: Command) -> None:
    ended = await command("search", "GOOSE", "says")
    assert ended.code == 0, ended.err
    assert [line.rstrip() for line in ended.out.splitlines()] == [
        "Anna [bold]",
        " 1 May 2024 21:01  Anna [bold]  pizza tonight?",
        " 1 May 2024 21:02  You          the [red]goose[/red] says no  [31m",
        " 1 May 2024 21:03  Anna [bold]  [sticker 👋]",
        "",
    ]


def test_a_chat_of_its_own_and_days(filled: Store, search: Search) -> None:
    assert lines(search("goose", "--chat", "@anna_b"))[0] == "Anna [bold]"
    assert [one["chat_id"] for one in json.loads(search("goose", "--chat", "Boris", "--json").stdout)] == [BORIS]
    assert json.loads(search("goose", "--until", "2024-04-30", "--json").stdout) == []
    assert len(json.loads(search("goose", "--json", "--limit", "1").stdout)) == 1
    with pytest.raises(ConfigError, match="no chat is called"):
        raise search("goose", "--chat", "Nobody").exception


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_any_width_of_a_terminal_holds_it(filled: Store, search: Search, columns: int) -> None:
    shown = lines(search("gander", columns=columns))
    assert max(map(cell_len, shown)) <= columns
    text = "".join(shown)
    assert "gander" in text
    assert text.count("…") == 2
    assert text.count("so") <= AROUND / len("and so on ")


def test_json_says_all_of_it(filled: Store, search: Search) -> None:
    [one] = json.loads(search("says", "--json").stdout)
    assert one["text"] == "the [red]goose[/red] says\nno \x1b[31m"
    assert [one["text"][begin:end] for begin, end in one["spans"]] == ["says"]
    assert one["sent_at"] == "2024-05-01T12:02:00+00:00"
    assert (one["chat"], one["sender"], one["outgoing"]) == ("Anna [bold]", "Olive", True)
    assert (one["before"]["text"], one["after"]["kind"]) == ("pizza tonight?", "sticker")


def test_words_without_hits_are_told_with_what_to_try(filled: Store, search: Search) -> None:
    result = search("goose", "gondola", "--chat", "Anna [bold]")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "No message has all of these there and then.",
        "  goose: 1 message",
        "  gondola: 0 messages",
        "Try the beginning of a word, as in gond*, or fewer words, or all chats and days.",
    ]


def test_no_word_and_no_message_are_refused(filled: Store, store: Store, search: Search) -> None:
    assert "there is no word" in search("*", '""').stderr
    assert search("goose", "--limit", "0").exit_code == 2


def test_nothing_stored_is_told_with_its_fix(store: Store, search: Search) -> None:
    with pytest.raises(DoppelgangerError, match="no messages are stored yet"):
        raise search("goose").exception
