"""Telegram Desktop's export, as it really looks, into a real store."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from exporter.errors import DoppelgangerError
from exporter.imports import import_file
from exporter.messages import Message, MessageKind, PeerKind
from exporter.store import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "doppelganger.db") as opened:
        yield opened


def record(message_id: int, sender: str = "user7", **values: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "id": message_id,
        "type": "message",
        "date": "2024-05-01T14:00:00",
        "date_unixtime": str(1714564800 + message_id),
        "from": {"user1": "Olive", "user7": "Anna"}.get(sender, "Somebody"),
        "from_id": sender,
        "text": "hi",
        "text_entities": [{"type": "plain", "text": "hi"}],
    }
    return plain | values


def chat(*messages: Any, kind: str = "personal_chat", chat_id: int = 7, name: str | None = "Anna") -> dict[str, Any]:
    return {"name": name, "type": kind, "id": chat_id, "messages": list(messages)}


def account(*chats: Any) -> dict[str, Any]:
    person = {"user_id": 1, "first_name": "Olive", "last_name": "Oyl", "phone_number": "+1"}
    return {"personal_information": person, "chats": {"about": "", "list": list(chats)}}


def write(path: Path, data: Any) -> Path:
    file = path / "result.json"
    file.write_text(json.dumps(data))
    return file


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
        forwarded_from=None,
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
        record(2, date_unixtime=None),
        record(3, from_id="alien1"),
        record(9, id=2**70),
    ]
    file = write(tmp_path, account(chat(record(1), *bad), {"id": "?"}, chat(kind="hologram")))
    result = import_file(store, file)
    assert (result.chats, result.messages, result.skipped) == (1, 1, 7)


def test_a_single_chat_needs_to_know_its_owner(store: Store, tmp_path: Path) -> None:
    file = write(tmp_path, chat(record(1), record(2), record(3, "user1")))
    with pytest.raises(DoppelgangerError, match="does not say") as refused:
        import_file(store, file)
    assert "--me user7 (Anna), --me user1 (Olive)" in refused.value.fix
    with pytest.raises(DoppelgangerError, match="holds nothing that user2 wrote"):
        import_file(store, file, me=2)
    assert import_file(store, file, me=1).new == 3
    assert store.owner().name == "Olive"


def test_the_file_knows_better_than_a_wrong_me(store: Store, tmp_path: Path) -> None:
    with pytest.raises(DoppelgangerError, match="of user1, not of user7"):
        import_file(store, write(tmp_path, account(chat(record(1)))), me=7)


def test_importing_twice_changes_nothing(store: Store, tmp_path: Path) -> None:
    file = write(tmp_path, account(chat(record(1), record(2))))
    assert import_file(store, file).new == 2
    assert import_file(store, file).new == 0


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


def test_a_real_persons_export(store: Store, real_export: Path) -> None:
    result = import_file(store, real_export, me=1000)
    assert (result.chats, result.messages, result.skipped) == (485, 5635, 0)
    assert sum(chat.own for chat in store.chats()) == 1957
