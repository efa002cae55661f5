"""Whom the configuration lets the double speak with. Pure; what is unclear is refused."""

from collections.abc import Iterable
from enum import StrEnum

from exporter.config import Reply
from exporter.errors import ConfigError
from exporter.messages import Peer, PeerKind
from exporter.selection import TELEGRAM, resolve_contact

_PEOPLE = frozenset({PeerKind.USER, PeerKind.GROUP})


class Mode(StrEnum):
    """What the owner allows for one contact."""

    OFF = "off"
    DRAFT = "draft"
    AUTO = "auto"


def resolve_modes(reply: Reply, peers: Iterable[Peer]) -> dict[int, Mode]:
    """The mode of each chat that is named under [reply], by chat id; who is not in it is left alone.

    Raises:
        ConfigError: a name is unknown, ambiguous or nobody to talk with, or a contact is in both lists.
    """
    people = list(peers)
    drafted = {resolve_contact(contact, people) for contact in reply.draft}
    automatic = {resolve_contact(contact, people) for contact in reply.auto}
    if others := [peer.name for peer in sorted(drafted | automatic, key=str) if not is_person(peer)]:
        raise ConfigError(
            f"the double talks with people and groups only, and [reply] names {', '.join(others)}",
            fix="take out yourself, bots and channels",
        )
    if both := drafted & automatic:
        names = ", ".join(sorted(peer.name for peer in both))
        raise ConfigError(f"in both lists of [reply]: {names}", fix="leave each contact in either draft or auto")
    return {peer.peer_id: Mode.DRAFT for peer in drafted} | {peer.peer_id: Mode.AUTO for peer in automatic}


def is_person(peer: Peer) -> bool:
    """Whom the double may talk with; a message whose sender is a group comes from one of its admins."""
    return peer.kind in _PEOPLE and peer.peer_id != TELEGRAM
