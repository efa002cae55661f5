"""Puts the messages of a Telegram Desktop export into the conversations of a world, in order and with their numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sandbox.box import Conversation
from sandbox.export_parts import action_of, forward_of, media_of, reactions_of, text_of
from sandbox.talk import placed
from sandbox.values import Kind, Message, User

if TYPE_CHECKING:
    from sandbox.world import World

Chat = dict[str, Any]
PRIVATE = {"personal_chat", "bot_chat"}
CHANNELS = {"private_supergroup", "public_supergroup", "private_channel", "public_channel"}
"""Chats whose messages are not numbered by the owner's box."""


def mark_of(raw: Chat, chat: Chat) -> str:
    """How the file names who wrote it; whom it no longer names is the other one of a private chat, or "" in a group."""
    marked: str = raw.get("from_id") or raw.get("actor_id") or ""
    return marked or (user_mark(chat["id"]) if chat["type"] in PRIVATE else "")


def user_mark(user_id: int) -> str:
    """How the file names a user."""
    return f"user{user_id}"


class Placing:
    """Places messages.

    Args:
        people: who wrote, by their marks.
    """

    def __init__(self, world: World, people: dict[str, User]) -> None:
        self._world = world
        self._people = people
        self._via_bots: dict[str, User] = {}

    def place_all(self, chats: Sequence[tuple[Chat, Conversation]]) -> None:
        """All messages of all chats, as they were written; everyone has read them."""
        conversations = {id(chat): conversation for chat, conversation in chats}
        places: dict[int, dict[int, Message]] = {key: {} for key in conversations}
        for chat, raw, number in _in_order([chat for chat, _ in chats]):
            conversation, place = conversations[id(chat)], places[id(chat)]
            message = self._message(conversation, self._people[mark_of(raw, chat)], raw, place)
            place[raw["id"]] = message
            numbering = self._world.owner if conversation.log is None else conversation.peer(self._world.owner)
            self._world.place(message, None if number is None else {numbering.key: number})
            if raw.get("action") == "topic_created":
                conversation.begin_topic(message)
        for conversation in conversations.values():
            conversation.read.update(dict.fromkeys(conversation.read, len(conversation.messages)))

    def _message(self, conversation: Conversation, sender: User, raw: Chat, place: dict[int, Message]) -> Message:
        text, entities = text_of(raw)
        kind: Kind = {}
        if via := raw.get("via_bot"):
            kind["via_bot"] = self._via_bot(via)
        if reactions := reactions_of(raw, self._people):
            kind["reactions"] = reactions
        answered, details = placed(conversation, place.get(raw.get("reply_to_message_id", 0)), None, kind)
        return Message(
            conversation,
            len(conversation.messages),
            sender,
            int(raw["date_unixtime"]),
            text,
            entities=entities,
            media=media_of(raw),
            reply_to=answered,
            forward=forward_of(raw, self._people),
            edited=int(raw.get("edited_unixtime", 0)),
            action=action_of(raw),
            details=details,
        )

    def _via_bot(self, name: str) -> User:
        if name not in self._via_bots:
            self._via_bots[name] = self._world.bot(f"{self._world.new_id()}:via", name.removeprefix("@"))
        return self._via_bots[name]


def _in_order(chats: list[Chat]) -> Iterator[tuple[Chat, Chat, int | None]]:
    """(chat, message, its number or None for the next), as they were written."""
    yield from _numbered([chat for chat in chats if chat["type"] not in CHANNELS])
    for chat in chats:
        if chat["type"] in CHANNELS:
            yield from _numbered([chat])


def _numbered(chats: list[Chat]) -> Iterator[tuple[Chat, Chat, int | None]]:
    """Chats that share one numbering."""
    written = [(chat, raw) for chat in chats for raw in chat["messages"]]
    if len({raw["id"] for _, raw in written}) == len(written):
        written.sort(key=lambda one: one[1]["id"])
        yield from ((chat, raw, raw["id"]) for chat, raw in written)
    else:
        written.sort(key=lambda one: int(one[1]["date_unixtime"]))
        yield from ((chat, raw, None) for chat, raw in written)
