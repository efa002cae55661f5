"""The live part of the play: three friends write to a running double, and its owner answers from his phone.

Every scene looks at what came to the people's own phones, and returns what truly happened.
"""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from telethon.tl.custom import Message

from sandbox.demo.material import Exchange, Friend, Material
from sandbox.demo.phone import Phone

PATIENCE = 60.0
"""Seconds that a scene waits for the double; a person on a slow machine would wait as long."""
QUIET = 3.0
"""Seconds in which nothing more may come, before an answer counts as the only one."""
PROPOSAL = re.compile(r"^(\d)[.)] (.+?)(?=\n\d[.)] |\n\n|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Scene:
    """One exchange of the play: who wrote what, what was proposed, what arrived, and what the owner once said."""

    title: str
    friend: str
    lines: tuple[str, ...]
    proposals: tuple[str, ...]
    arrived: tuple[str, ...]
    truly: tuple[str, ...]
    signs: tuple[str, ...]
    """What the friend's phone showed, in order: read, typing, message."""
    as_meant: bool


async def draft_by_reply(owner: Phone, friend: Phone, material: Material) -> Scene:
    """The friend in draft mode writes; the owner answers "2" to the card in Saved Messages."""
    exchange = material.draft.exchanges[0]
    before = len(friend.seen)
    await _write(friend, material.owner_id, exchange.lines)
    card = await _card(owner, material.owner_id)
    proposals = _proposals(card)
    await owner.client.send_message(material.owner_id, "2", reply_to=card.id)
    await friend.wait(lambda: bool(_texts(friend, before)), "the chosen proposal", seconds=PATIENCE)
    await asyncio.sleep(QUIET)
    arrived = _texts(friend, before)
    as_meant = len(proposals) > 1 and _same(arrived, proposals[1])
    return _scene(
        "draft, answered 2 in Saved Messages", material.draft, exchange, proposals, arrived, as_meant=as_meant
    )


async def draft_by_button(owner: Phone, friend: Phone, material: Material, control: str) -> Scene:
    """The friend in draft mode writes again; the owner presses the first button of the control bot's card."""
    exchange = material.draft.exchanges[1]
    before = len(friend.seen)
    dialog = await owner.client.get_entity(control)
    known = await _newest_id(owner, dialog.id)
    await _write(friend, material.owner_id, exchange.lines)
    card = await _card(owner, dialog.id, after=known, buttons=True)
    proposals = _proposals(card)
    await card.click(0)
    await friend.wait(lambda: bool(_texts(friend, before)), "the proposal of the button", seconds=PATIENCE)
    await asyncio.sleep(QUIET)
    arrived = _texts(friend, before)
    as_meant = bool(proposals) and _same(arrived, proposals[0])
    return _scene("draft, button 1 of the control bot", material.draft, exchange, proposals, arrived, as_meant=as_meant)


async def automatic(friend: Phone, material: Material) -> Scene:
    """The friend in auto mode writes a burst; one answer comes, read and typed first, as a person's would."""
    exchange = material.auto.exchanges[0]
    before = len(friend.seen)
    await _write(friend, material.owner_id, exchange.lines)
    await friend.wait(lambda: bool(_texts(friend, before)), "an answer of the double's own", seconds=PATIENCE)
    while (newest := len(friend.seen)) and time.monotonic() - friend.seen[-1].at < QUIET:
        await asyncio.sleep(QUIET)
        if len(friend.seen) == newest:
            break
    signs = tuple(seen.kind for seen in friend.seen[before:])
    said = signs.index("message")
    as_meant = "read" in signs[:said] and "typing" in signs[:said]
    return _scene("auto", material.auto, exchange, (), _texts(friend, before), signs=signs, as_meant=as_meant)


async def unlisted(friend: Phone, material: Material) -> None:
    """The friend in neither list writes. Whether nothing happens is seen at the end, by `left_alone`."""
    await _write(friend, material.owner_id, material.unlisted.exchanges[0].lines)


def left_alone(friend: Phone, material: Material) -> Scene:
    """What became of the friend in neither list: no message, no read mark, no typing."""
    arrived = _texts(friend, 0)
    signs = tuple(seen.kind for seen in friend.seen)
    exchange = material.unlisted.exchanges[0]
    return _scene("in neither list", material.unlisted, exchange, (), arrived, signs=signs, as_meant=not signs)


def _scene(
    title: str,
    friend: Friend,
    exchange: Exchange,
    proposals: tuple[str, ...],
    arrived: tuple[str, ...],
    *,
    as_meant: bool,
    signs: tuple[str, ...] = (),
) -> Scene:
    return Scene(title, friend.name, exchange.lines, proposals, arrived, exchange.answer, signs, as_meant)


async def _write(phone: Phone, peer_id: int, lines: Sequence[str]) -> None:
    for line in lines:
        await phone.write(peer_id, line)
        await asyncio.sleep(0.2)


async def _newest_id(phone: Phone, peer_id: int) -> int:
    messages = await phone.read(peer_id, 1)
    return messages[0].id if messages else 0


async def _card(phone: Phone, peer_id: int, *, after: int = 0, buttons: bool = False) -> Message:
    """The newest card in a chat that came after message `after`, once it is there."""
    deadline = time.monotonic() + PATIENCE
    while True:
        for message in await phone.read(peer_id):
            if message.id > after and _proposals(message) and (message.buttons or not buttons):
                return message
        if time.monotonic() > deadline:
            raise TimeoutError(f"no card came to {phone.name} within {PATIENCE:g} s")
        await asyncio.sleep(0.3)


def _proposals(card: Message) -> tuple[str, ...]:
    return tuple(text.strip() for _, text in PROPOSAL.findall(card.raw_text or ""))


def _texts(phone: Phone, since: int) -> tuple[str, ...]:
    return tuple(seen.text for seen in phone.seen[since:] if seen.kind == "message")


def _same(arrived: Sequence[str], proposal: str) -> bool:
    """A proposal is sent message by message; a card shows the burst in one piece."""
    return "".join("".join(arrived).split()) == "".join(re.sub(r"\s[/|⏎]\s", "", proposal).split())
