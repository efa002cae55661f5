"""Whom the configuration lets the double speak with. Pure; what is unclear is refused."""

from collections.abc import Iterable
from enum import StrEnum

from exporter.errors import ConfigError
from exporter.messages import DELETED, Peer, PeerKind
from exporter.settings.replying import Disclosure, Reply
from exporter.settings.section import Contact
from exporter.settings.selection import TELEGRAM, resolve_contact

LASTING = "an @username or an id there outlives a new name"
_PEOPLE = frozenset({PeerKind.USER, PeerKind.GROUP})


class Mode(StrEnum):
    """What the owner allows for one contact."""

    OFF = "off"
    DRAFT = "draft"
    AUTO = "auto"


def resolve_modes(reply: Reply, peers: Iterable[Peer]) -> dict[int, Mode]:
    """The mode of each chat that is listed under [reply], by chat id; of others it says nothing.

    Raises:
        ConfigError: a name is unknown, ambiguous or nobody to talk with, or a contact is in two lists.
    """
    people = list(peers)
    drafted = {resolve_contact(contact, people) for contact in reply.draft}
    automatic = {resolve_contact(contact, people) for contact in reply.auto}
    off = {resolve_contact(contact, people) for contact in reply.off}
    if others := [peer.name for peer in sorted(drafted | automatic, key=str) if not is_person(peer)]:
        raise ConfigError(
            f"the double talks with people and groups only, and [reply] names {', '.join(others)}",
            fix="take out yourself, bots and channels",
        )
    if both := (drafted & automatic) | (drafted & off) | (automatic & off):
        names = ", ".join(sorted(peer.name for peer in both))
        raise ConfigError(f"in two lists of [reply]: {names}", fix="leave each contact in one of draft, auto and off")
    listed = {Mode.DRAFT: drafted, Mode.AUTO: automatic, Mode.OFF: off}
    return {peer.peer_id: mode for mode, peers in listed.items() for peer in peers}


def without_lost(reply: Reply, peers: Iterable[Peer]) -> tuple[Reply, tuple[str, ...]]:
    """The same without those under draft and auto who can no longer be told; and of each, what to tell the owner.

    They took another name, say, or somebody took theirs. That nobody is answered then is safe. Under off, and where a
    disclosure is set, it would not be: there a name has to mean somebody.
    """
    people, told = list(peers), []

    def stands(contact: Contact) -> bool:
        try:
            if resolve_contact(contact, people).name != DELETED:
                return True
            told.append(f"{contact} under [reply] has no account any more; take it out")
        except ConfigError as lost:
            told.append(f"under [reply], {lost.problem}, and nobody is answered for that; {lost.fix}; {LASTING}")
        return False

    found = {mode.value: tuple(filter(stands, getattr(reply, mode))) for mode in (Mode.DRAFT, Mode.AUTO)}
    return reply.model_copy(update=found), tuple(told)


def resolve_disclosures(reply: Reply, peers: Iterable[Peer]) -> dict[int, Disclosure]:
    """How it is told to single contacts that a program answers, by chat id.

    Raises:
        ConfigError: a name is unknown or ambiguous.
    """
    people = list(peers)
    return {resolve_contact(contact, people).peer_id: how for contact, how in reply.disclosures.items()}


def is_person(peer: Peer) -> bool:
    """Whom the double may talk with; a message whose sender is a group comes from one of its admins."""
    return peer.kind in _PEOPLE and peer.peer_id != TELEGRAM and peer.name != DELETED
