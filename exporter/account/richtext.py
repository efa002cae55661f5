"""The words of Telegram's rich messages, whose own text is empty: their blocks, read as plain lines. Pure."""

from collections.abc import Iterator
from typing import Any

from telethon.tl import TLObject, types


def plain(rich: types.RichMessage) -> str:
    """All words in reading order; blocks, list items and table cells stand on lines of their own."""
    lines = "".join(_pieces(rich.blocks)).split("\n")
    return "\n".join(line for line in map(str.strip, lines) if line)


def _pieces(node: Any) -> Iterator[str]:
    """Whatever a block is made of, also in kinds that are yet to come: only `TextPlain` holds words."""
    match node:
        case types.TextPlain(text=str(text)):
            yield text
        case list():
            for one in node:
                yield from _pieces(one)
        case TLObject():
            is_line = type(node).__name__.startswith("Page")
            yield "\n" if is_line else ""
            for value in vars(node).values():
                yield from _pieces(value)
            yield "\n" if is_line else ""
