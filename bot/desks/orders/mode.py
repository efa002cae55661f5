"""`/mode` and `/contacts`: whom the double speaks with, and how."""

from collections import Counter
from collections.abc import Mapping

from bot.deciding.policy import NEEDED
from bot.desks import cards
from bot.desks.mode_switch import ModeSwitch
from bot.desks.orders.order import Answer
from bot.parts import Parts
from exporter.errors import DoppelgangerError
from exporter.messages import Peer, PeerKind
from exporter.rights.consent import how_to_grant
from exporter.settings.modes import Mode, is_person
from exporter.settings.selection import resolve_contact, to_contact

LISTED = 40
"""Contacts in one answer: with names as long as Telegram allows, they still fit into a message."""
NAME = 64
"""UTF-16 units of a name in a list."""
AUTO = (
    "That is: I wait, read, type and answer there by myself, with your words. I keep away for a while after words of "
    "your own, and ask you first where something could be wrong. `/mode CONTACT draft` ends it, `/stop` at once."
)
"""What is said when nobody was answered by itself before."""
GROUP = "In a group I only draft, and only where they speak to you."


async def mode(parts: Parts, switch: ModeSwitch, words: str) -> Answer:
    """Without words, the list; with a contact, its mode; with a mode behind it, that from now on."""
    before = switch.now()
    if not words:
        return Answer(_listed(parts, before))
    contact, wanted = _contact_and_mode(words)
    peer = resolve_contact(to_contact(contact), parts.store.contacts())
    if wanted is None:
        return Answer(f"{peer.name}: {before.get(peer.peer_id, Mode.OFF)}")
    if wanted is not Mode.OFF:
        _demand_fit(parts, peer)
    await switch.turn(peer.peer_id, wanted)
    notes = [
        AUTO if wanted is Mode.AUTO and Mode.AUTO not in before.values() else "",
        GROUP if wanted is not Mode.OFF and peer.kind is PeerKind.GROUP else "",
    ]
    return Answer("\n".join(filter(None, [f"{peer.name}: {wanted} from now on.", *notes])))


async def contacts(parts: Parts, switch: ModeSwitch, words: str) -> Answer:
    """With whom the owner writes, the most first: what the double may do there, and what it lacks."""
    chats = [chat for chat in parts.store.chats() if is_person(chat.peer)]
    found = [chat for chat in chats if words.casefold() in chat.peer.name.casefold()]
    names = Counter(chat.peer.name for chat in chats)
    modes = switch.now()
    lines = []
    for chat in found[:LISTED]:
        peer = chat.peer
        name = cards.clip(peer.name, NAME) + (f" ({peer.peer_id})" if names[peer.name] > 1 else "")
        consent = "" if parts.may_speak(peer) else ", no consent"
        lines.append(f"{name}: {modes.get(peer.peer_id, Mode.OFF)}{consent}, {chat.messages:,} messages")
    if (more := len(found) - LISTED) > 0:
        lines.append(f"and {more:,} more: /contacts and a part of a name finds them")
    return Answer("\n".join(lines) or "Nobody is called so.")


def _listed(parts: Parts, modes: Mapping[int, Mode]) -> str:
    peers = parts.store.peers()
    lines = [
        f"{mode}: {', '.join(sorted(peers[one].name for one, its in modes.items() if its is mode)) or 'nobody'}"
        for mode in (Mode.AUTO, Mode.DRAFT)
    ]
    return "\n".join([*lines, "Everybody else is off."])


def _demand_fit(parts: Parts, peer: Peer) -> None:
    """Raises DoppelgangerError where the double must not speak."""
    if not is_person(peer) or peer.elsewhere:
        raise DoppelgangerError(
            f"{peer.name} is nobody to talk with on Telegram",
            fix="I talk with people and groups there, not with yourself, bots or channels",
        )
    if lacking := parts.ledger.lacks(peer, NEEDED):
        raise DoppelgangerError(
            f"nobody wrote down that {peer.name} agrees to it",
            fix=f"once they do, on the machine where I run: {how_to_grant(peer, *lacking)}",
        )


def _contact_and_mode(words: str) -> tuple[str, Mode | None]:
    """Whom, and which mode, if the last word is one."""
    contact, _, last = words.rpartition(" ")
    if contact and last.casefold() in set(Mode):
        return contact.strip(), Mode(last.casefold())
    return words, None
