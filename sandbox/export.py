"""Reads a Telegram Desktop export (`result.json`, machine-readable JSON) into a world.

The ids of its messages become the owner's own, those of a supergroup or channel its own. Where ids repeat within such a
numbering, as in files that Telegram did not make, its messages are numbered anew by date. Knows no protocol.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.box import Conversation
from sandbox.errors import SandboxError
from sandbox.export_parts import action_of, forward_of, media_of, text_of
from sandbox.values import Details, Message, User

if TYPE_CHECKING:
    from sandbox.world import World

Chat = dict[str, Any]
PRIVATE = {"personal_chat", "bot_chat"}
GROUPS = {"private_group"}
CHANNELS = {"private_supergroup", "public_supergroup", "private_channel", "public_channel"}
"""Chats whose messages are not numbered by the owner's box."""
SAVED = "saved_messages"
DELETED = "Deleted Account"
USER = re.compile(r"user(\d+)", re.ASCII)
"""How from_id names a person; it may also name a channel or group, whose number is none of a person."""
FIX = "export from Telegram Desktop (Settings, Advanced, Export Telegram data) as machine-readable JSON"


def load_export(world: World, path: Path, owner: str | None) -> None:
    """Fill an empty world with the chats of an export.

    Args:
        owner: "user123" where the file does not say whose it is.

    Raises:
        SandboxError: no such file, no export, or nobody knows its owner.
    """
    document = _read(path)
    owner_id = owner_of(document, owner, path)
    try:
        chats = [
            chat for chat in document["chats"]["list"] if chat.get("type") in PRIVATE | GROUPS | CHANNELS | {SAVED}
        ]
        _place_all(world, chats, _add_people(world, document, chats, owner_id))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise SandboxError(f"{path} has a chat that cannot be read: {error!r}", fix=FIX) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SandboxError(f"{path} cannot be read: {error.strerror}", fix="name an export's result.json") from None
    except ValueError as error:
        raise SandboxError(f"{path} is not valid JSON: {error}", fix=FIX) from None
    match document:
        case {"chats": {"list": [*_]}}:
            return dict(document)
    raise SandboxError(f"{path} is no Telegram Desktop export: it has no chats.list", fix=FIX)


def owner_of(document: dict[str, Any], owner: str | None, path: Path) -> int:
    """The id of the user whose account an export is: `owner` ("user123" or "123"), or else what the file says.

    Raises:
        SandboxError: that is no user, or nobody knows.
    """
    fix = "name the owner as the file's from_id has it: --owner user1000, or with make OWNER=user1000"
    if owner is not None:
        named = USER.fullmatch(f"user{owner.removeprefix('user')}")
        if named is None:
            raise SandboxError(f"{owner!r} is no user of an export", fix=fix)
        return int(named[1])
    match document:
        case {"personal_information": {"user_id": int(user_id)}}:
            return user_id
    raise SandboxError(f"{path} does not say whose account it is", fix=fix)


def _add_people(world: World, document: dict[str, Any], chats: list[Chat], owner_id: int) -> dict[str, User]:
    """Everyone who wrote, or with whom there is a chat, the owner first: mark -> user."""
    names = _names(chats)
    own, about = _user_mark(owner_id), document.get("personal_information", {})
    full_name = " ".join(filter(None, (about.get("first_name"), about.get("last_name"))))
    username = (about.get("username") or "").removeprefix("@") or None
    owner = world.person(full_name or names.get(own, "Owner"), user_id=owner_id, username=username)
    world.own(owner)
    people = {own: owner}
    names.pop(own, None)
    bots = {_user_mark(chat["id"]) for chat in chats if chat["type"] == "bot_chat"}
    # Who is no user comes last: only then is it known which ids are nobody's.
    for mark, name in sorted(names.items(), key=lambda named: USER.fullmatch(named[0]) is None):
        user = USER.fullmatch(mark)
        user_id = int(user[1]) if user else None
        if mark in bots:
            people[mark] = world.bot(f"{user_id}:from-the-export", f"bot{user_id}_bot", name)
        else:
            people[mark] = world.person(name, user_id=user_id)
    return people


def _names(chats: list[Chat]) -> dict[str, str]:
    """Mark -> name; of a private chat's other one, the name that the chat bears."""
    names: dict[str, str] = {}
    for chat in chats:
        for raw in chat["messages"]:
            names.setdefault(_mark(raw, chat), raw.get("from") or raw.get("actor") or DELETED)
        if chat["type"] in PRIVATE:
            other = _user_mark(chat["id"])
            names[other] = chat.get("name") or names.get(other) or DELETED
    return names


def _mark(raw: Chat, chat: Chat) -> str:
    """How the file names who wrote it; whom it no longer names is the other one of a private chat, or "" in a group."""
    marked: str = raw.get("from_id") or raw.get("actor_id") or ""
    return marked or (_user_mark(chat["id"]) if chat["type"] in PRIVATE else "")


def _user_mark(user_id: int) -> str:
    return f"user{user_id}"


def _conversation(world: World, chat: Chat, people: dict[str, User]) -> Conversation:
    owner = world.owner
    if chat["type"] == SAVED:
        return world.conversation(owner, owner)
    if chat["type"] in PRIVATE:
        return world.conversation(owner, people[_user_mark(chat["id"])])
    writers = dict.fromkeys(_mark(raw, chat) for raw in chat["messages"])
    members = tuple(dict.fromkeys([owner, *(people[mark] for mark in writers)]))
    created = int(chat["messages"][0]["date_unixtime"]) if chat["messages"] else 0
    title = chat.get("name") or "Group"
    if chat["type"] in GROUPS:
        return world.conversation(owner, world.group(title, members, group_id=chat["id"], created=created))
    broadcast = chat["type"].endswith("_channel")
    channel = world.supergroup(title, members, channel_id=chat["id"], created=created, broadcast=broadcast)
    return world.talk_of(channel)


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


def _place_all(world: World, chats: list[Chat], people: dict[str, User]) -> None:
    conversations = {id(chat): _conversation(world, chat, people) for chat in chats}
    places: dict[int, dict[int, int]] = {id(chat): {} for chat in chats}
    via_bots: dict[str, User] = {}
    for chat, raw, number in _in_order(chats):
        conversation, place = conversations[id(chat)], places[id(chat)]
        message = _message(conversation, people[_mark(raw, chat)], raw, place)
        if via := raw.get("via_bot"):
            if via not in via_bots:
                via_bots[via] = world.bot(f"{world.new_id()}:via", via.removeprefix("@"))
            message.details = Details(via_bot=via_bots[via])
        place[raw["id"]] = message.index
        numbering = world.owner if conversation.log is None else conversation.peer(world.owner)
        world.place(message, None if number is None else {numbering.key: number})
    for conversation in conversations.values():
        conversation.read.update(dict.fromkeys(conversation.read, len(conversation.messages)))


def _message(conversation: Conversation, sender: User, raw: Chat, place: dict[int, int]) -> Message:
    text, entities = text_of(raw)
    return Message(
        conversation,
        len(conversation.messages),
        sender,
        int(raw["date_unixtime"]),
        text,
        entities=entities,
        media=media_of(raw),
        reply_to=place.get(raw.get("reply_to_message_id", 0)),
        forward=forward_of(raw),
        edited=int(raw.get("edited_unixtime", 0)),
        action=action_of(raw),
    )
