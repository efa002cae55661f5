"""Whom the configuration lets the double speak with. Pure; what is unclear is refused."""

from collections.abc import Iterable

from bot.policy import Mode
from exporter.config import Reply
from exporter.errors import ConfigError
from exporter.messages import Peer
from exporter.selection import resolve_contact


def resolve_modes(reply: Reply, peers: Iterable[Peer]) -> dict[int, Mode]:
    """The mode of each chat that is named under [reply], by chat id; who is not in it is left alone.

    Raises:
        ConfigError: a name is unknown or ambiguous, or a contact is in both lists.
    """
    people = list(peers)
    drafted = {resolve_contact(contact, people) for contact in reply.draft}
    automatic = {resolve_contact(contact, people) for contact in reply.auto}
    if both := drafted & automatic:
        names = ", ".join(sorted(peer.name for peer in both))
        raise ConfigError(f"in both lists of [reply]: {names}", fix="leave each contact in either draft or auto")
    return {peer.peer_id: Mode.DRAFT for peer in drafted} | {peer.peer_id: Mode.AUTO for peer in automatic}
