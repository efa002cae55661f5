"""Whom the configuration lets the double speak with. Pure; what is unclear is refused."""

from collections.abc import Iterable

from bot.policy import Mode, is_person
from exporter.config import Reply
from exporter.errors import ConfigError
from exporter.messages import Peer
from exporter.selection import resolve_contact


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
