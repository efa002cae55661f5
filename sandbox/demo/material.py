"""What the demo plays: an export becomes a world that lacks its last conversations, and the lines that are missing.

The friends write those lines while the double is live. They were never in the account, so no model has seen them.
It knows the shape of an export, and nothing of protocols or commands.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError
from sandbox.export import owner_of

Json = dict[str, Any]

PRIVATE = "personal_chat"
LINES = 3
"""The most that a friend writes in one go."""
LINE_LENGTH = 300
"""Characters; a longer line is a paste, not talk."""
SILENCE = 3600
"""Seconds after which a new session begins."""
NEWEST = 12
"""Among this many of a chat's last exchanges the demo looks for what it needs."""


class NotEnough(SandboxError):
    """The export is not one that the demo can play on."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a friend wrote, and what the owner truly answered."""

    lines: tuple[str, ...]
    answer: tuple[str, ...]
    begins: int
    """Index of its first line among the chat's messages."""
    opens: bool
    """It came after a silence, so it can be understood by itself."""


@dataclass(frozen=True, slots=True)
class Friend:
    """Someone who writes to the owner while the double is live."""

    user_id: int
    name: str
    exchanges: tuple[Exchange, ...]


@dataclass(frozen=True, slots=True)
class Material:
    """The three friends of the play, busiest first, and the world as it was before they write."""

    owner_id: int
    draft: Friend
    auto: Friend
    unlisted: Friend
    world: Json


def prepare(export: Path, owner: str | None) -> Material:
    """Choose the three busiest private chats that have conversations to hold out, and take those out of the export.

    Raises:
        NotEnough: no export, or no three such chats.
        SandboxError: no owner is known.
    """
    try:
        world: Json = json.loads(export.read_text("utf-8"))
        chats = [chat for chat in world["chats"]["list"] if chat["type"] == PRIVATE]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotEnough(
            f"{export} is no Telegram Desktop export of a whole account ({type(error).__name__})",
            fix="in Telegram Desktop: Settings, Advanced, Export Telegram data, machine-readable JSON",
        ) from error
    owner_id = owner_of(world, owner, export)
    chats.sort(key=lambda chat: len(chat["messages"]), reverse=True)
    friends: list[Friend] = []
    for chat in chats:
        wanted = 2 if not friends else 1
        exchanges = _last_exchanges(chat["messages"], owner_id, wanted=wanted, burst=len(friends) == 1)
        if len(exchanges) == wanted:
            chat["messages"] = chat["messages"][: exchanges[0].begins]
            friends.append(Friend(chat["id"], chat["name"], exchanges))
        if len(friends) == 3:
            draft, auto, unlisted = friends
            return Material(owner_id, draft, auto, unlisted, world)
    raise NotEnough(
        "the export has no three private chats in which a friend writes and the owner answers",
        fix="export the whole account, or try the made-up cast with `make demo`",
    )


def _last_exchanges(messages: Sequence[Json], owner_id: int, *, wanted: int, burst: bool) -> tuple[Exchange, ...]:
    """The newest `wanted` exchanges, oldest first: such as open a session, or are a `burst`, where there are any."""
    newest = _exchanges(messages, owner_id)[-NEWEST:]
    openers = [exchange for exchange in newest if exchange.opens]
    bursts = [exchange for exchange in openers or newest if len(exchange.lines) > 1]
    best = bursts if burst else openers
    return tuple((best if len(best) >= wanted else newest)[-wanted:])


def _exchanges(messages: Sequence[Json], owner_id: int) -> list[Exchange]:
    own = f"user{owner_id}"
    bursts = [list(burst) for _, burst in groupby(enumerate(messages), key=lambda indexed: indexed[1].get("from_id"))]
    found = []
    for asked, answered in pairwise(bursts):
        begins, first = asked[0]
        if first.get("from_id") == own or answered[0][1].get("from_id") != own:
            continue
        lines, answer = _texts(asked), _texts(answered)
        if lines and answer:
            opens = begins == 0 or _time(first) - _time(messages[begins - 1]) > SILENCE
            found.append(Exchange(lines[:LINES], answer, begins, opens))
    return found


def _time(message: Json) -> int:
    return int(message["date_unixtime"])


def _texts(burst: Sequence[tuple[int, Json]]) -> tuple[str, ...]:
    texts = (message.get("text", "") for _, message in burst if "forwarded_from" not in message)
    return tuple(text for text in texts if isinstance(text, str) and 0 < len(text.strip()) <= LINE_LENGTH)
