"""The demo's own logic: what it holds out of an export, and when it calls itself a success."""

import json
from itertools import count
from pathlib import Path

import pytest

from sandbox.demo.commands import Events
from sandbox.demo.material import NotEnough, prepare
from sandbox.demo.report import Findings, checks, write
from sandbox.errors import SandboxError

HOUR = 3600


def talk(friend: int, exchanges: list[tuple[list[str], list[str]]]) -> dict:
    """A private chat in which each exchange comes a day after the one before."""
    ids, messages = count(friend * 1000), []
    for day, (lines, answers) in enumerate(exchanges):
        said = [(friend, line) for line in lines] + [(1, line) for line in answers]
        for second, (sender, text) in enumerate(said):
            moment = 24 * HOUR * day + second
            messages.append(
                {
                    "id": next(ids),
                    "type": "message",
                    "date_unixtime": str(moment),
                    "from_id": f"user{sender}",
                    "text": text,
                }
            )
    return {"id": friend, "name": f"friend {friend}", "type": "personal_chat", "messages": messages}


@pytest.fixture
def export(tmp_path: Path) -> Path:
    chats = [
        talk(30, [(["a1"], ["b1"]), (["a2"], ["b2"])]),
        talk(10, [([f"q{n}"], [f"r{n}"]) for n in range(9)]),
        talk(20, [(["first", "second"], ["yes"]), (["one", "two"], ["no"]), (["alone"], ["ok"])]),
    ]
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"personal_information": {"user_id": 1}, "chats": {"list": chats}}))
    return path


def test_the_busiest_chats_are_cast_and_their_last_words_held_out(export: Path) -> None:
    material = prepare(export, None)
    assert [material.draft.user_id, material.auto.user_id, material.unlisted.user_id] == [10, 20, 30]
    assert [exchange.lines for exchange in material.draft.exchanges] == [("q7",), ("q8",)]
    assert material.auto.exchanges[0].lines == ("one", "two")
    kept = {message["text"] for chat in material.world["chats"]["list"] for message in chat["messages"]}
    assert kept.isdisjoint({"q7", "r7", "q8", "r8", "one", "two", "no", "alone", "a2", "b2"})
    assert {"q6", "r6", "first", "second", "yes", "a1", "b1"} <= kept


def test_an_export_that_names_no_owner_is_refused(export: Path) -> None:
    nobody = json.loads(export.read_text())
    del nobody["personal_information"]
    export.write_text(json.dumps(nobody))
    with pytest.raises(SandboxError, match="whose"):
        prepare(export, None)
    assert prepare(export, "user1").owner_id == 1


@pytest.mark.parametrize("owner", ["channel1", "user²"])
def test_an_owner_is_read_as_strictly_as_the_world_reads_it(export: Path, owner: str) -> None:
    with pytest.raises(SandboxError, match="no user"):
        prepare(export, owner)


def test_what_is_no_export_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text('{"name": "one chat"}')
    with pytest.raises(NotEnough, match="whole account"):
        prepare(tmp_path / "result.json", "user1")


def test_a_real_export_has_what_the_demo_needs(real_export: Path) -> None:
    material = prepare(real_export, "user1000")
    assert len(material.draft.exchanges) == 2
    assert len(material.auto.exchanges[0].lines) > 1


def test_nothing_is_a_success_that_did_not_happen(tmp_path: Path) -> None:
    found = Findings()
    assert not any(checks(found).values())
    assert write(found, tmp_path / "report.json") is False
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["ok"] is False
    assert {"stages", "sync", "train", "gguf", "bot", "samples"} <= report.keys()


def test_events_are_read_from_log_lines() -> None:
    events = Events()
    events.add("2026-01-01 10:00:00,000 INFO bot.double draft.ready chat_id=5 first_token_ms=41.5")
    events.add("a traceback, or whatever else a process says")
    assert events.of("draft.ready") == [{"chat_id": "5", "first_token_ms": "41.5"}]
