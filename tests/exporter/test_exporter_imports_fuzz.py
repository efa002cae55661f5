"""Exports that are broken in every way: something is skipped or refused, nothing crashes."""

import copy
import json
import random
import tempfile
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.errors import DoppelgangerError
from exporter.imports import import_file
from exporter.imports.lines import Entry, read_entries, survey
from exporter.imports.records import BadRecord, Context, to_message
from exporter.storing.store import Store, open_store
from tests.exporter.exports import account, chat, record

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["user1", "channel9", "7"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "emoji", "count"]), inner),
    max_leaves=6,
)
KEYS = [
    "id",
    "type",
    "date",
    "date_unixtime",
    "edited_unixtime",
    "from",
    "from_id",
    "actor_id",
    "text",
    "text_entities",
    "action",
    "media_type",
    "photo",
    "poll",
    "sticker_emoji",
    "duration_seconds",
    "duration",
    "reply_to_message_id",
    "reply_to_peer_id",
    "forwarded_from",
    "forwarded_from_id",
    "via_bot",
    "reactions",
    "message_id",
    "place_name",
    "self_destruct_period_seconds",
]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "doppelganger.db") as opened:
        yield opened


@given(st.dictionaries(st.sampled_from(KEYS), JUNK))
def test_a_record_is_a_message_that_can_be_stored_or_a_bad_one(values: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "a.db") as store:
        try:
            message = to_message(record(1) | values, Context(7, 1, UTC))
        except BadRecord:
            return
        store.add([message], second_hand=True)
        assert store.message(message.chat_id, message.message_id) == message


@settings(deadline=None)
@given(st.data())
def test_a_damaged_file_is_read_or_refused(data: st.DataObject) -> None:
    whole = json.dumps(account(chat(record(1), record(2, "user1")), chat(record(3), chat_id=8))).encode()
    begin = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(begin, min(len(whole), begin + 40)))
    broken = whole[:begin] + data.draw(st.binary(max_size=5)) + whole[end:]
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "a.db") as store:
        file = Path(folder) / "result.json"
        file.write_bytes(broken)
        try:
            result = import_file(store, file)
        except DoppelgangerError as refused:
            assert refused.fix
        else:
            assert result.messages <= 3


@settings(deadline=None)
@given(JUNK)
def test_any_json_is_read_or_refused(document: Any) -> None:
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "a.db") as store:
        file = Path(folder) / "result.json"
        file.write_text(json.dumps({"chats": {"list": document}, "messages": document}))
        try:
            import_file(store, file, me=1)
        except DoppelgangerError as refused:
            assert refused.fix


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.soak)])
def test_mutated_records_of_a_real_export(store: Store, real_export: Path, tmp_path: Path, count: int) -> None:
    chance = random.Random(1)  # noqa: S311 - nothing secret
    records = [one for of in json.loads(real_export.read_bytes())["chats"]["list"] for one in of["messages"]]
    mutants = [mutated_record(chance, chance.choice(records), number) for number in range(count)]
    file = tmp_path / "result.json"
    file.write_text(json.dumps(account(chat(*mutants))))
    result = import_file(store, file)
    assert result.messages + result.skipped == count
    assert count * 0.2 < result.skipped < count * 0.8
    assert store.count(7) <= result.messages


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.soak)])
def test_mutated_lines_of_whatsapp(store: Store, real_export: Path, tmp_path: Path, count: int) -> None:
    chance = random.Random(1)  # noqa: S311 - nothing secret
    texts = [str(one["text"]) for of in json.loads(real_export.read_bytes())["chats"]["list"] for one in of["messages"]]
    headers = ("[{d:02}/{m:02}/23, {h:02}:07:09] {who}: {text}", "{d}/{m}/2023, {h:02}:07 - {who}: {text}")
    for header in headers:
        lines = []
        for _ in range(count // 2):
            line = header.format(
                d=chance.randint(1, 28),
                m=chance.randint(1, 12),
                h=chance.randrange(24),
                who=chance.choice(("Olive", "Anna")),
                text=chance.choice(texts),
            )
            lines.append(mutated_line(chance, line) if chance.random() < 0.5 else line)
        file = tmp_path / "WhatsApp Chat with Climbers.txt"
        file.write_text("\n".join(lines), encoding="utf-8", errors="replace")
        result = import_file(store, file, me="Olive")
        assert result.messages > count // 4
        style = survey(lines)
        assert style and any(isinstance(one, Entry) for one in read_entries(lines, style))


def mutated_record(chance: random.Random, original: dict[str, Any], number: int) -> Any:
    """A record with an id of its own in which one thing is missing, of another type, or out of range."""
    mutant = copy.deepcopy(original) | {"id": number + 1}
    key = chance.choice([*mutant, *KEYS])
    match chance.randrange(4):
        case 0:
            mutant.pop(key, None)
        case 1:
            mutant[key] = chance.choice(
                (None, True, -1, 2**40, 2**80, 1.5, "", "x", "user0", [], [None], {}, {"text": 1})
            )
        case 2:
            mutant[key] = [mutant.get(key)] * 2
        case _:
            return chance.choice((None, number, str(number), [mutant], mutant, mutant, mutant))
    return mutant


def mutated_line(chance: random.Random, line: str) -> str:
    """A line with characters that are missing, doubled, or others."""
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(line) + 1)
        line = (
            line[:place] + chance.choice(("", "9", ":", "]", "\u200e", "\n", "٣", "\ud83d", " - ")) + line[place + 1 :]
        )
    return line


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"chats": 5}', '{"chats": {"list": 5}}', "\udcff"])
def test_a_file_that_is_no_export_is_refused(store: Store, tmp_path: Path, content: str) -> None:
    file = tmp_path / "result.json"
    file.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(DoppelgangerError) as refused:
        import_file(store, file)
    assert "machine-readable JSON" in refused.value.fix


def test_a_missing_file_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(DoppelgangerError, match="No such file"):
        import_file(store, tmp_path / "result.json")
