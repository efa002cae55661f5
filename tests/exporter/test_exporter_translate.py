"""Telegram's own types, real ones, as our values."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from telethon.tl import types

from exporter.account.translate import to_message, to_peer, to_reactions
from exporter.messages import Message, MessageKind, Peer, PeerKind, Reaction

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
    pinned = Message(ANNA, 3, OWNER, NOON, outgoing=True, text="", kind=MessageKind.SERVICE, action="pin_message")
    assert read(call) == pinned
    assert not pinned.said


@pytest.mark.parametrize(
    ("action", "name", "duration"),
    [
        (types.MessageActionPhoneCall(1, duration=61), "phone_call", 61),
        (types.MessageActionPhoneCall(1, video=True, reason=types.PhoneCallDiscardReasonMissed()), "phone_call", None),
        (types.MessageActionConferenceCall(1, duration=5), "conference_call", 5),
    ],
)
def test_calls_have_a_length_and_no_words(action: Any, name: str, duration: int | None) -> None:
    call = read(types.MessageService(3, types.PeerUser(ANNA), NOON, action=action))
    assert (call.kind, call.action, call.duration, call.said) == (MessageKind.CALL, name, duration, False)


def test_actions_are_named_as_telegram_names_them() -> None:
    ttl = types.MessageActionSetMessagesTTL(5)
    assert read(types.MessageService(3, types.PeerUser(ANNA), NOON, action=ttl)).action == "set_messages_ttl"


@pytest.mark.parametrize(
    ("reply", "answered"),
    [
        (None, None),
        (types.MessageReplyHeader(reply_to_msg_id=2), 2),
        (types.MessageReplyHeader(reply_to_msg_id=2, reply_to_peer_id=types.PeerUser(9)), 2),
        (types.MessageReplyHeader(reply_to_msg_id=2, forum_topic=True), None),
        (types.MessageReplyHeader(reply_to_msg_id=2, forum_topic=True, reply_to_top_id=1), 2),
        (types.MessageReplyStoryHeader(types.PeerUser(9), 2), None),
    ],
)
def test_what_it_answers(reply: Any, answered: int | None) -> None:
    assert read(said(reply_to=reply)).reply_to == answered


def test_a_reply_carries_its_quote_and_where_the_answered_message_stands() -> None:
    there = types.PeerChannel(6)
    reply = types.MessageReplyHeader(
        reply_to_msg_id=2, reply_to_peer_id=there, quote=True, quote_text="of this", quote_offset=4
    )
    message = read(said(reply_to=reply))
    assert (message.reply_to, message.reply_to_chat, message.quote) == (2, -1_000_000_000_006, "of this")


@pytest.mark.parametrize(
    ("header", "topic"),
    [
        (types.MessageReplyHeader(reply_to_msg_id=4, forum_topic=True), 4),
        (types.MessageReplyHeader(reply_to_msg_id=9, reply_to_top_id=4, forum_topic=True), 4),
        (types.MessageReplyHeader(reply_to_msg_id=9), None),
        (None, None),
    ],
)
def test_a_forums_topic(header: Any, topic: int | None) -> None:
    assert read(said(reply_to=header)).topic == topic


@pytest.mark.parametrize(
    ("origin", "origin_id", "name"),
    [
        (types.MessageFwdHeader(NOON, from_id=types.PeerUser(9)), 9, None),
        (types.MessageFwdHeader(NOON, from_id=types.PeerChannel(6), channel_post=3), -1_000_000_000_006, None),
        (types.MessageFwdHeader(NOON, from_name="Somebody"), None, "Somebody"),
    ],
)
def test_a_forward_names_its_origin(origin: Any, origin_id: int | None, name: str | None) -> None:
    message = read(said(fwd_from=origin))
    assert (message.forwarded, message.origin_id, message.origin_name) == (True, origin_id, name)


def test_reactions_are_counted_and_the_owners_own_marked() -> None:
    results = [
        types.ReactionCount(types.ReactionEmoji("👍"), 3, chosen_order=0),
        types.ReactionCount(types.ReactionCustomEmoji(77), 1),
        types.ReactionCount(types.ReactionPaid(), 2),
    ]
    counted = (Reaction("👍", 3, own=True), Reaction("77", 1), Reaction("⭐", 2))
    assert read(said(reactions=types.MessageReactions(results))).reactions == counted


def test_the_short_form_of_reactions_does_not_take_the_owners_own_away() -> None:
    told = types.MessageReactions([types.ReactionCount(types.ReactionEmoji("👍"), 4)], min=True)
    assert to_reactions(told, (Reaction("👍", 3, own=True),)) == (Reaction("👍", 4, own=True),)
    assert to_reactions(told) == (Reaction("👍", 4),)


def test_what_destroys_itself_says_when() -> None:
    assert read(said(ttl_period=3600)).expires_at == NOON + timedelta(hours=1)


def test_of_what_may_be_seen_once_no_words_are_kept() -> None:
    once = read(said(media=types.MessageMediaPhoto(ttl_seconds=2**31 - 1)))
    assert (once.kind, once.text) == (MessageKind.PHOTO, "")


def test_a_question_asked_and_a_place_named_are_the_words() -> None:
    poll = types.Poll(1, types.TextWithEntities("Where to?", []), [], 0)
    venue = types.MessageMediaVenue(types.GeoPointEmpty(), "Café", "", "", "", "")
    assert read(said(message="", media=types.MessageMediaPoll(poll, types.PollResults()))).text == "Where to?"
    assert read(said(message="", media=venue)).text == "Café"


def test_the_words_of_a_rich_message_are_its_blocks() -> None:
    blocks = [
        types.PageBlockTitle(types.TextPlain("Plan")),
        types.PageBlockParagraph(types.TextConcat([types.TextPlain("by "), types.TextBold(types.TextPlain("bike"))])),
        types.PageBlockList(
            [types.PageListItemText(types.TextPlain("one")), types.PageListItemText(types.TextEmpty())]
        ),
    ]
    assert read(said(message="", rich_message=types.RichMessage(blocks, [], []))).text == "Plan\nby bike\none"


@pytest.mark.parametrize("bot", ["via_bot_id", "via_business_bot_id"])
def test_words_that_a_bot_composed(bot: str) -> None:
    assert read(said(out=True, **{bot: 9})).via_bot


def test_an_edit_has_its_time() -> None:
    assert read(said(edit_date=NOON)).edited_at == NOON
