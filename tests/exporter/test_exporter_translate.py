"""Telegram's own types, real ones, as our values."""

from datetime import UTC, datetime
from typing import Any

import pytest
from telethon.tl import types

from exporter.messages import Message, MessageKind, Peer, PeerKind
from exporter.translate import to_message, to_peer

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
OWNER, ANNA, GROUP = 1, 7, -5


def said(**values: Any) -> types.Message:
    plain = {"id": 3, "peer_id": types.PeerUser(ANNA), "date": NOON, "message": "hi"}
    return types.Message(**(plain | values))


def read(message: Any, chat_id: int = ANNA) -> Message:
    return to_message(message, chat_id=chat_id, owner_id=OWNER)


def file(*attributes: Any) -> types.MessageMediaDocument:
    document = types.Document(1, 2, b"", NOON, "application/octet-stream", 3, 4, list(attributes))
    return types.MessageMediaDocument(document=document)


def user(**values: Any) -> types.User:
    return types.User(**({"id": 7, "first_name": "Anna", "access_hash": 5} | values))


@pytest.mark.parametrize(
    ("entity", "peer"),
    [
        (user(username="anna"), Peer(7, PeerKind.USER, "Anna", "anna", 5)),
        (user(last_name="B", min=True), Peer(7, PeerKind.USER, "Anna B", None, None)),
        (user(is_self=True), Peer(7, PeerKind.SELF, "Anna", None, 5)),
        (user(bot=True), Peer(7, PeerKind.BOT, "Anna", None, 5)),
        (user(usernames=[types.Username("old"), types.Username("new", active=True)]),
         Peer(7, PeerKind.USER, "Anna", "new", 5)),
        (user(first_name=None, deleted=True), Peer(7, PeerKind.USER, "Deleted account", None, 5)),
        (types.UserEmpty(7), Peer(7, PeerKind.USER, "Deleted account")),
        (types.Chat(5, "Flat", types.ChatPhotoEmpty(), 3, NOON, 1), Peer(-5, PeerKind.GROUP, "Flat")),
        (types.ChatForbidden(5, "Flat"), Peer(-5, PeerKind.GROUP, "Flat")),
        (types.Channel(6, "Climbers", types.ChatPhotoEmpty(), NOON, megagroup=True, access_hash=8),
         Peer(-1000000000006, PeerKind.GROUP, "Climbers", None, 8)),
        (types.Channel(6, "News", types.ChatPhotoEmpty(), NOON, broadcast=True, username="news"),
         Peer(-1000000000006, PeerKind.CHANNEL, "News", "news")),
    ],
)  # fmt: skip
def test_peers(entity: Any, peer: Peer) -> None:
    assert to_peer(entity) == peer


def test_whose_message_it_is() -> None:
    assert read(said()) == Message(ANNA, 3, ANNA, NOON, outgoing=False, text="hi")
    assert read(said(out=True)) == Message(ANNA, 3, OWNER, NOON, outgoing=True, text="hi")
    in_group = read(said(peer_id=types.PeerChat(5), from_id=types.PeerUser(ANNA)), GROUP)
    assert (in_group.sender_id, in_group.outgoing) == (ANNA, False)
    as_group = read(said(peer_id=types.PeerChat(5)), GROUP)
    assert (as_group.sender_id, as_group.outgoing) == (GROUP, False)
    as_anonymous = read(said(peer_id=types.PeerChat(5), from_id=types.PeerChat(5), out=True), GROUP)
    assert (as_anonymous.sender_id, as_anonymous.outgoing) == (GROUP, True)


def test_saved_messages_are_the_owners_own_unless_forwarded() -> None:
    note = said(peer_id=types.PeerUser(OWNER))
    assert (read(note, OWNER).outgoing, read(note, OWNER).sender_id) == (True, OWNER)
    kept = said(peer_id=types.PeerUser(OWNER), fwd_from=types.MessageFwdHeader(NOON))
    assert (read(kept, OWNER).outgoing, read(kept, OWNER).forwarded) == (False, True)


@pytest.mark.parametrize(
    ("media", "kind", "emoji", "duration"),
    [
        (None, MessageKind.TEXT, None, None),
        (types.MessageMediaWebPage(types.WebPageEmpty(1)), MessageKind.TEXT, None, None),
        (types.MessageMediaPhoto(), MessageKind.PHOTO, None, None),
        (types.MessageMediaDocument(), MessageKind.DOCUMENT, None, None),
        (file(types.DocumentAttributeFilename("a.pdf")), MessageKind.DOCUMENT, None, None),
        (file(types.DocumentAttributeSticker("👍", types.InputStickerSetEmpty())), MessageKind.STICKER, "👍", None),
        (file(types.DocumentAttributeAudio(4, voice=True)), MessageKind.VOICE, None, 4),
        (file(types.DocumentAttributeAudio(200)), MessageKind.AUDIO, None, 200),
        (file(types.DocumentAttributeVideo(4.6, 1, 1, round_message=True)), MessageKind.ROUND, None, 4),
        (file(types.DocumentAttributeVideo(4.6, 1, 1)), MessageKind.VIDEO, None, 4),
        (
            file(types.DocumentAttributeAnimated(), types.DocumentAttributeVideo(2, 1, 1)),
            MessageKind.ANIMATION,
            None,
            2,
        ),
        (types.MessageMediaGeo(types.GeoPointEmpty()), MessageKind.LOCATION, None, None),
        (types.MessageMediaContact("+1", "A", "B", "", 1), MessageKind.CONTACT, None, None),
        (types.MessageMediaDice(6, "🎲"), MessageKind.OTHER, "🎲", None),
        (types.MessageMediaUnsupported(), MessageKind.OTHER, None, None),
    ],
)
def test_media(media: Any, kind: MessageKind, emoji: str | None, duration: int | None) -> None:
    message = read(said(media=media))
    assert (message.kind, message.emoji, message.duration) == (kind, emoji, duration)


def test_service_messages_have_no_words() -> None:
    call = types.MessageService(3, types.PeerUser(ANNA), NOON, action=types.MessageActionPinMessage(), out=True)
    assert read(call) == Message(ANNA, 3, OWNER, NOON, outgoing=True, text="", kind=MessageKind.SERVICE)


@pytest.mark.parametrize(
    ("reply", "answered"),
    [
        (None, None),
        (types.MessageReplyHeader(reply_to_msg_id=2), 2),
        (types.MessageReplyHeader(reply_to_msg_id=2, reply_to_peer_id=types.PeerUser(9)), None),
        (types.MessageReplyHeader(reply_to_msg_id=2, forum_topic=True), None),
        (types.MessageReplyHeader(reply_to_msg_id=2, forum_topic=True, reply_to_top_id=1), 2),
        (types.MessageReplyStoryHeader(types.PeerUser(9), 2), None),
    ],
)
def test_what_it_answers(reply: Any, answered: int | None) -> None:
    assert read(said(reply_to=reply)).reply_to == answered


@pytest.mark.parametrize("bot", ["via_bot_id", "via_business_bot_id"])
def test_words_that_a_bot_composed(bot: str) -> None:
    assert read(said(out=True, **{bot: 9})).via_bot


def test_an_edit_has_its_time() -> None:
    assert read(said(edit_date=NOON)).edited_at == NOON
