"""Which chats the configuration means. Pure; what is unclear is refused, for the wrong person must not be answered."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from exporter.config import Contact, Sync
from exporter.errors import ConfigError
from exporter.messages import Peer, PeerKind

_KINDS = {"private": PeerKind.USER, "group": PeerKind.GROUP}


def select_chats(choice: Sync, peers: Sequence[Peer]) -> tuple[Peer, ...]:
    """The chats of the chosen kinds and those that are named, in the order of `peers`.

    Raises:
        ConfigError: nothing is chosen at all, or a name is unknown or ambiguous.
    """
    if not choice.chats and not choice.kinds:
        raise ConfigError(
            "the configuration chooses no chats to sync",
            fix='name them under [sync], as in chats = ["Anna"], or take kinds = ["private"]',
        )
    named = {resolve_contact(contact, peers) for contact in choice.chats}
    kinds = {_KINDS[kind] for kind in choice.kinds}
    return tuple(peer for peer in peers if peer in named or peer.kind in kinds)


def resolve_contact(contact: Contact, peers: Iterable[Peer]) -> Peer:
    """The one peer with this id, @username or name; letters' case does not matter.

    Raises:
        ConfigError: nobody is called so, or several are.
    """
    people = list(peers)
    found = [peer for peer in people if _is(peer, contact)]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(str(peer.peer_id) for peer in found)
        raise ConfigError(f"{len(found)} chats are called {contact}", fix=f"write the id of the one you mean: {ids}")
    close = get_close_matches(str(contact), [peer.name for peer in people], n=3)
    raise ConfigError(
        f"no chat is called {contact}",
        fix=f"did you mean {' or '.join(close)}?" if close else "write its name as Telegram shows it, @name or id",
    )


def _is(peer: Peer, contact: Contact) -> bool:
    if isinstance(contact, int):
        return peer.peer_id == contact
    if contact.startswith("@"):
        return peer.username is not None and peer.username.casefold() == contact[1:].casefold()
    return peer.name.casefold() == contact.casefold()
