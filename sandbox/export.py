"""Reads a Telegram Desktop export (`result.json`, machine-readable JSON) into a world.

The ids of its messages become the owner's own, those of a supergroup or channel its own. Where ids repeat within such a
numbering, as in files that Telegram did not make, its messages are numbered anew by date. Knows no protocol.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.box import Conversation
from sandbox.errors import SandboxError
from sandbox.export_messages import CHANNELS, PRIVATE, Chat, Placing, mark_of, user_mark
from sandbox.values import User

if TYPE_CHECKING:
    from sandbox.world import World

GROUPS = {"private_group"}
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
        people = _add_people(world, document, chats, owner_id)
        conversations = [(chat, _conversation(world, chat, people)) for chat in chats]
        Placing(world, people).place_all(conversations)
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
    own, about = user_mark(owner_id), document.get("personal_information", {})
    full_name = " ".join(filter(None, (about.get("first_name"), about.get("last_name"))))
    username = (about.get("username") or "").removeprefix("@") or None
    owner = world.person(full_name or names.get(own, "Owner"), user_id=owner_id, username=username)
    world.own(owner)
    people = {own: owner}
    names.pop(own, None)
    bots = {user_mark(chat["id"]) for chat in chats if chat["type"] == "bot_chat"}
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
            names.setdefault(mark_of(raw, chat), raw.get("from") or raw.get("actor") or DELETED)
        if chat["type"] in PRIVATE:
            other = user_mark(chat["id"])
            names[other] = chat.get("name") or names.get(other) or DELETED
    return names


def _conversation(world: World, chat: Chat, people: dict[str, User]) -> Conversation:
    owner = world.owner
    if chat["type"] == SAVED:
        return world.conversation(owner, owner)
    if chat["type"] in PRIVATE:
        return world.conversation(owner, people[user_mark(chat["id"])])
    writers = dict.fromkeys(people[mark_of(raw, chat)] for raw in chat["messages"])
    members = tuple(dict.fromkeys([owner, *writers]))
    created = int(chat["messages"][0]["date_unixtime"]) if chat["messages"] else 0
    title = chat.get("name") or "Group"
    if chat["type"] in GROUPS:
        return world.conversation(owner, world.group(title, members, group_id=chat["id"], created=created))
    if broadcast := chat["type"].endswith("_channel"):
        members = tuple(dict.fromkeys([*writers, owner]))  # who writes there is not its reader
    forum = any(raw.get("action") == "topic_created" for raw in chat["messages"])
    channel = world.supergroup(title, members, channel_id=chat["id"], created=created, broadcast=broadcast, forum=forum)
    return world.talk_of(channel)
