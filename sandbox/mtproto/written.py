"""Messages as bytes of TL, kept: a page of history that was asked for before costs next to nothing.

A message is written once for each account, and anew when any of its fields has changed; so what a message looks like
must follow from the message and the viewer alone, and its fields must hold values that are replaced, never altered.
"""

from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any

from telethon.tl import TLObject

from sandbox.values import Message, User

KEPT = 200_000
"""Messages; where there are more, all are forgotten at once. Some 100 MB."""
_state = attrgetter(*(field.name for field in fields(Message)))


class Written(TLObject):  # type: ignore[misc]
    """A TL object that is bytes already."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def _bytes(self) -> bytes:
        return self._data


class WrittenMessages:
    """What every account's messages look like."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, Message], tuple[Any, Written]] = {}

    def write(self, viewer: User, message: Message, render: Callable[[Message], Any]) -> Written:
        """The message as `render` shows it to the viewer, rendered only if it is new or has changed."""
        key, state = (viewer.id, message), _state(message)
        kept = self._kept.get(key)
        if kept is not None and kept[0] == state:
            return kept[1]
        if len(self._kept) >= KEPT:
            self._kept.clear()
        written = Written(bytes(render(message)))
        self._kept[key] = state, written
        return written
