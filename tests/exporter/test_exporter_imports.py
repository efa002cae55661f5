"""Telegram Desktop's export, as it really looks, into a real store."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from benchmarks.measure import peak
from exporter.errors import DoppelgangerError
from exporter.imports import import_file
from exporter.messages import Message, MessageKind, PeerKind, Reaction
from exporter.progress import Step
from exporter.storing.store import Store, open_store
from tests.exporter.exports import account, chat, record, write


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "doppelganger.db") as opened:
        yield opened


def only(store: Store, chat_id: int = 7) -> Message:
    (message,) = store.messages(chat_id)
    return message


def test_a_whole_account(store: Store, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        account(
            chat(record(1), record(2, "user1")),
            chat(record(3, "user1"), kind="saved_messages", chat_id=1, name=None),
            chat(record(4), kind="private_group", chat_id=5, name="Flat"),
            chat(record(5), kind="private_supergroup", chat_id=6, name="Climbers"),
            chat(record(6, "channel8"), kind="public_channel", chat_id=8, name="News"),
            chat(record(7, "user9"), kind="bot_chat", chat_id=9, name="Helper"),
        ),
    )
    result = import_file(store, file)
    assert (result.chats, result.messages, result.new, result.skipped) == (6, 7, 7, 0)
    assert {peer.peer_id: (peer.kind, peer.name) for peer in store.peers().values()} == {
        1: (PeerKind.SELF, "Olive Oyl"),
        7: (PeerKind.USER, "Anna"),
        -5: (PeerKind.GROUP, "Flat"),
        -1000000000006: (PeerKind.GROUP, "Climbers"),
        -1000000000008: (PeerKind.CHANNEL, "News"),
        9: (PeerKind.BOT, "Helper"),
    }
    assert [(m.message_id, m.outgoing, m.sender_id) for m in store.messages(7)] == [(1, False, 7), (2, True, 1)]
    assert only(store, -1000000000008).sender_id == -1000000000008
    assert store.intervals(7) == ()


def test_a_message_with_everything(store: Store, tmp_path: Path) -> None:
    full = record(
        2,
        text=["see ", {"type": "link", "text": "a.b"}],
        text_entities=[{"type": "plain", "text": "see "}, {"type": "link", "text": "a.b"}],
        edited_unixtime="1714570000",
        reply_to_message_id=1,
        forwarded_from="News",
        forwarded_from_id="channel8",
        reply_to_peer_id="channel6",
        reactions=[
            {"type": "emoji", "count": 2, "emoji": "👍", "recent": [{"from_id": "user1"}]},
            {"type": "custom_emoji", "count": 1, "document_id": "stickers/a.webp"},
            {"type": "paid", "count": 3},
        ],
        via_bot="@gif",
        media_type="voice_message",
        file="voice.ogg",
        duration_seconds=4,
    )
    import_file(store, write(tmp_path, account(chat(full))))
    assert only(store) == Message(
        chat_id=7,
        message_id=2,
        sender_id=7,
        sent_at=datetime(2024, 5, 1, 12, 0, 2, tzinfo=UTC),
        outgoing=False,
        text="see a.b",
        kind=MessageKind.VOICE,
        duration=4,
        reply_to=1,
        forwarded=True,
        via_bot=True,
        edited_at=datetime(2024, 5, 1, 13, 26, 40, tzinfo=UTC),
        reply_to_chat=-1000000000006,
        origin_id=-1000000000008,
        reactions=(Reaction("👍", 2, own=True), Reaction("?", 1), Reaction("⭐", 3)),
    )


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({}, MessageKind.TEXT),
        ({"photo": "a.jpg"}, MessageKind.PHOTO),
        ({"file": "a.pdf", "mime_type": "application/pdf"}, MessageKind.DOCUMENT),
        ({"file": "a.webp", "media_type": "sticker", "sticker_emoji": "👍"}, MessageKind.STICKER),
        ({"file": "a.mp4", "media_type": "video_message"}, MessageKind.ROUND),
        ({"file": "a.mp4", "media_type": "from the future"}, MessageKind.OTHER),
        ({"poll": {"question": "?"}}, MessageKind.POLL),
        ({"location_information": {"latitude": 0.0}}, MessageKind.LOCATION),
        ({"contact_information": {}}, MessageKind.CONTACT),
        ({"text": "", "text_entities": [], "game_title": "2048"}, MessageKind.OTHER),
    ],
)
def test_media_are_told_apart(store: Store, tmp_path: Path, values: dict[str, Any], kind: MessageKind) -> None:
    import_file(store, write(tmp_path, account(chat(record(1, **values)))))
    assert only(store).kind is kind


def test_service_messages_are_nobodys_words(store: Store, tmp_path: Path) -> None:
    call = {"id": 1, "type": "service", "date_unixtime": "1714564800", "actor": "Olive", "actor_id": "user1"}
    calls = [call | {"action": "phone_call", "duration_seconds": 61}, call | {"id": 2, "action": "pin_message"}]
    import_file(store, write(tmp_path, account(chat(*calls))))
    assert [(one.kind, one.duration, one.outgoing, one.said) for one in store.messages(7)] == [
        (MessageKind.CALL, 61, True, False),
        (MessageKind.SERVICE, None, True, False),
    ]


def test_text_without_entities_and_half_an_emoji(store: Store, tmp_path: Path) -> None:
    old = record(1, text=["a ", {"type": "bold", "text": "b"}, " \ud83d"])
    del old["text_entities"]
    import_file(store, write(tmp_path, account(chat(old))))
    assert only(store).text == "a b ?"


def test_bad_records_are_counted_and_skipped(store: Store, tmp_path: Path) -> None:
    bad = [
        "nonsense",
        record(9, id="x"),
        record(2, date_unixtime=None, date=None),
        record(3, from_id="alien1"),
        record(9, id=2**70),
    ]
    file = write(tmp_path, account(chat(record(1), *bad), {"id": "?"}, chat(kind="hologram")))
    result = import_file(store, file)
    assert (result.chats, result.messages, result.skipped) == (1, 1, 7)
    assert result.named == (
        "chat 7, record 2: not an object",
        "chat 7, record 3: id",
        "chat 7, message 2: date_unixtime",
        "chat 7, message 3: from_id",
        f"chat 7, message {2**70}: id",
        "chat 2 of chats.list.item: id, type or messages",
        "chat 3 of chats.list.item: id, type or messages",
    )


def test_a_single_chat_needs_to_know_its_owner(store: Store, tmp_path: Path) -> None:
    file = write(tmp_path, chat(record(1), record(2), record(3, "user1")))
    with pytest.raises(DoppelgangerError, match="does not say") as refused:
        import_file(store, file)
    assert "--me user7 (Anna), --me user1 (Olive)" in refused.value.fix
    with pytest.raises(DoppelgangerError, match="holds nothing that user2 wrote"):
        import_file(store, file, me=2)
    assert import_file(store, file, me=1).new == 3
    assert store.owner().name == "Olive"


def test_the_owner_may_be_named_or_known_already(store: Store, tmp_path: Path) -> None:
    file = write(tmp_path, chat(record(1), record(3, "user1")))
    with pytest.raises(DoppelgangerError, match="holds nothing that Oliv wrote"):
        import_file(store, file, me="Oliv")
    assert import_file(store, file, me="Olive").new == 2
    assert import_file(store, file).new == 0
    assert store.owner().peer_id == 1


def test_a_secret_that_destroys_itself_is_not_kept(store: Store, tmp_path: Path) -> None:
    import_file(store, write(tmp_path, account(chat(record(1, photo="a.jpg", self_destruct_period_seconds=5)))))
    assert (only(store).kind, only(store).text) == (MessageKind.PHOTO, "")


def test_a_hidden_author_has_a_name_only(store: Store, tmp_path: Path) -> None:
    import_file(store, write(tmp_path, account(chat(record(1, forwarded_from="Somebody")))))
    assert (only(store).forwarded, only(store).origin_id, only(store).origin_name) == (True, None, "Somebody")


def test_topics_are_told_by_what_is_answered(store: Store, tmp_path: Path) -> None:
    said = [
        record(1, type="service", action="topic_created", title="Gear"),
        record(2, reply_to_message_id=1),
        record(3, reply_to_message_id=2),
        record(4),
    ]
    import_file(store, write(tmp_path, account(chat(*said, kind="private_supergroup", chat_id=6))))
    stored = store.messages(-1000000000006)
    assert [(m.topic, m.reply_to, m.action) for m in stored] == [
        (None, None, "topic_create"),
        (1, None, None),
        (1, 2, None),
        (None, None, None),
    ]


def test_what_a_supergroup_said_before_belongs_to_the_basic_group(store: Store, tmp_path: Path) -> None:
    store.state.migrate(-5, -1000000000006)
    said = [record(-999_999_990), record(1)]
    import_file(store, write(tmp_path, account(chat(*said, kind="private_supergroup", chat_id=6))))
    assert {(m.chat_id, m.message_id) for m in store.messages(-1000000000006)} == {(-5, 10), (-1000000000006, 1)}


def test_old_exports_tell_local_time_only(store: Store, tmp_path: Path) -> None:
    old = record(1)
    del old["date_unixtime"]
    import_file(store, write(tmp_path, account(chat(old))), zone=ZoneInfo("Europe/Berlin"))
    assert only(store).sent_at == datetime(2024, 5, 1, 12, tzinfo=UTC)


def test_a_broken_file_is_refused_with_its_line_and_leaves_nothing(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    lines = json.dumps(account(chat(record(1), record(2, "user1"))), indent=1).splitlines()
    file.write_text("\n".join([*lines[:20], "a secret", *lines[20:]]))
    with pytest.raises(DoppelgangerError, match=r"see line 21$"):
        import_file(store, file)
    assert store.peers() == {}


@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"":', "}"), ('{"a":[', "]}")])
def test_a_file_that_nests_without_end_is_refused_with_its_line(
    store: Store, tmp_path: Path, opens: str, closes: str
) -> None:
    file = tmp_path / "result.json"
    text = json.dumps(account(chat(record(1), record(2, text="DEEP"))), indent=1)
    file.write_text(text.replace('"DEEP"', f"{opens * 100_000}1{closes * 100_000}"))
    line = text[: text.index("DEEP")].count("\n") + 1
    before = peak()
    with pytest.raises(DoppelgangerError, match=rf"nests deeper than any export: see line {line}$"):
        import_file(store, file)
    assert peak() - before < 200
    assert store.peers() == {}


@pytest.mark.parametrize("name", ["result.json", "result"])
def test_a_mark_of_utf_8_is_no_mistake(store: Store, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text(json.dumps(account(chat(record(1)))), "utf-8-sig")
    assert import_file(store, file).messages == 1
    file.write_text('{\n"chats": a secret}', "utf-8-sig")
    with pytest.raises(DoppelgangerError, match=r"see line 2$"):
        import_file(store, file)


def test_an_interrupt_keeps_what_is_written_and_a_rerun_goes_on(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.imports.intake.BATCH", 100)
    write(tmp_path, account(chat(*map(record, range(1, 3000)))))

    def interrupt(step: Step) -> None:
        if step.stage.startswith("import") and step.done > step.total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_file(store, tmp_path, report=interrupt)
    before = store.count(7)
    assert 0 < before < 2999
    assert import_file(store, tmp_path).new == 2999 - before
    assert import_file(store, tmp_path).new == 0


def test_progress_is_told_in_bytes(store: Store, tmp_path: Path) -> None:
    steps: list[Step] = []
    file = write(tmp_path, account(chat(*map(record, range(1, 3000)))))
    import_file(store, file, report=steps.append)
    assert {step.stage for step in steps} == {"check result.json", "import chats of result.json"}
    assert steps[-1].done == steps[-1].total == round(file.stat().st_size / 1e6, 3)


def test_the_file_knows_better_than_a_wrong_me(store: Store, tmp_path: Path) -> None:
    with pytest.raises(DoppelgangerError, match="of user1, not of user7"):
        import_file(store, write(tmp_path, account(chat(record(1)))), me=7)


def test_importing_twice_changes_nothing(store: Store, tmp_path: Path) -> None:
    file = write(tmp_path, account(chat(record(1), record(2))))
    assert import_file(store, file).new == 2
    assert import_file(store, file).new == 0


def test_a_real_persons_export(store: Store, real_export: Path) -> None:
    result = import_file(store, real_export, me=1000)
    assert (result.chats, result.messages, result.skipped) == (485, 5635, 0)
    assert sum(chat.own for chat in store.chats()) == 1957
