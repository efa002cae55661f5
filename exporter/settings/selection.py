"""Which chats the configuration means. Pure; what is unclear is refused, for the wrong person must not be answered."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from exporter.errors import ConfigError
from exporter.messages import Dialog, Peer, PeerKind
from exporter.settings.config import Kind, Sync
from exporter.settings.section import Contact

TELEGRAM = 777000
"""Telegram's own account: login codes come from here."""
_KINDS: Mapping[Kind, PeerKind] = {
    "private": PeerKind.USER,
    "group": PeerKind.GROUP,
    "channel": PeerKind.CHANNEL,
    "bot": PeerKind.BOT,
}


@dataclass(frozen=True, slots=True)
class Selection:
    """What [sync] means among some chats, in their order."""

    chats: tuple[Peer, ...]
    protected: tuple[Peer, ...] = ()
    """Chosen too, but left out: Telegram forbids saving what is said there, and nobody said that they agree."""
    excluded: tuple[Peer, ...] = ()
    """Named under `exclude`."""
    forgotten: tuple[Peer, ...] = ()
    """Named under `chats`, but left out: the owner had them forgotten."""


def select_chats(
    choice: Sync, peers: Sequence[Peer], dialogs: Mapping[int, Dialog], forgotten: Collection[int] = ()
) -> Selection:
    """The chats that are named, in the folder, or of the kinds; less those that are excluded, protected or forgotten.

    `dialogs` says what Telegram tells of a chat; of one that is missing there it tells nothing. `forgotten` are ids.

    Raises:
        ConfigError: nothing is chosen at all, a name is unknown or ambiguous, or a chat is both named and excluded.
    """
    if not choice.chooses:
        raise ConfigError(
            "the configuration chooses no chats to sync",
            fix='name them under [sync], as in chats = ["Anna"], or take kinds = ["private"]',
        )
    named, excluded, agreed = (
        {resolve_contact(contact, peers) for contact in contacts}
        for contacts in (choice.chats, choice.exclude, choice.protected)
    )
    if both := named & excluded:
        names = ", ".join(sorted(peer.name for peer in both))
        raise ConfigError(f"[sync] both names and excludes {names}", fix="leave each in either chats or exclude")
    chosen = [
        peer
        for peer in peers
        if peer not in excluded
        and peer.peer_id not in forgotten
        and (peer in named or is_of(peer, choice.kinds) or _lies_in(choice.folder, dialogs.get(peer.peer_id)))
    ]
    protected = {peer_id for peer_id, dialog in dialogs.items() if dialog.protected}
    left_out = {peer for peer in chosen if peer.peer_id in protected} - agreed
    return Selection(
        tuple(peer for peer in chosen if peer not in left_out),
        protected=tuple(peer for peer in chosen if peer in left_out),
        excluded=tuple(excluded),
        forgotten=tuple(peer for peer in peers if peer in named and peer.peer_id in forgotten),
    )


def narrow(
    selection: Selection, contacts: Iterable[Contact], kinds: Collection[Kind], peers: Iterable[Peer]
) -> tuple[Peer, ...]:
    """Of the chosen chats, those that are named and of one of the kinds; all where nothing is said.

    Raises:
        ConfigError: what is asked for is not chosen, for the configuration alone decides what may be pulled.
    """
    people = list(peers)
    named = [resolve_contact(contact, people) for contact in contacts]
    for peer in named:
        if peer in selection.forgotten:
            raise ConfigError(
                f"{peer.name} was forgotten, and is left out",
                fix=f"if that is to end: `python -m exporter forget {peer.peer_id} --allow-again`",
            )
        if peer in selection.protected:
            raise ConfigError(
                f"Telegram forbids saving what is said in {peer.name}",
                fix="if the people in it agree, name it as protected under [sync] in the configuration",
            )
        if peer not in selection.chats:
            raise ConfigError(
                f"{peer.name} is not among the chats that the configuration chooses",
                fix=f'add it under [sync] in the configuration, as in chats = ["{peer.name}"]',
            )
    chosen = [peer for peer in selection.chats if not kinds or is_of(peer, kinds)]
    if not chosen and kinds:
        raise ConfigError(
            f"the configuration chooses no chat of the kind {' or '.join(sorted(kinds))}",
            fix="add the kind to kinds under [sync] in the configuration",
        )
    return tuple(peer for peer in chosen if not named or peer in named)


def to_contact(name: str) -> Contact:
    """What was typed for a chat: an id, or its name or @username."""
    return int(name) if name.removeprefix("-").isdecimal() else name


def resolve_contact(contact: Contact, peers: Iterable[Peer]) -> Peer:
    """The one peer with this id, @username or name; letters' case does not matter.

    Somebody who is on Telegram and on another messenger under one name is meant as the one on Telegram.

    Raises:
        ConfigError: nobody is called so, or several are.
    """
    people = list(peers)
    called = [peer for peer in people if _is(peer, contact)]
    found = [peer for peer in called if not peer.elsewhere] or called
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(str(peer.peer_id) for peer in found)
        raise ConfigError(f"{len(found)} chats are called {contact}", fix=f"write the id of the one you mean: {ids}")
    raise ConfigError(
        f"no chat is called {contact}",
        fix=did_you_mean(str(contact), [peer.name for peer in people])
        or "write its name as Telegram shows it, @name or id; whoever was forgotten has no name here any more",
    )


def is_of(peer: Peer, kinds: Collection[Kind]) -> bool:
    """Whether it is of one of the kinds. Telegram's own account is of none: nobody means to keep login codes."""
    return peer.kind in {_KINDS[kind] for kind in kinds} and peer.peer_id != TELEGRAM


def did_you_mean(name: str, names: Sequence[str]) -> str | None:
    """A question that names those of whom it is a part, or else the closest ones; None where nothing is close."""
    parts = [one for one in names if name.casefold() in one.casefold().split()]
    close = parts[:3] or get_close_matches(name, names, n=3)
    return f"did you mean {' or '.join(close)}?" if close else None


def _lies_in(folder: str | None, dialog: Dialog | None) -> bool:
    return folder is not None and dialog is not None and folder in (dialog.folders or ())


def _is(peer: Peer, contact: Contact) -> bool:
    if isinstance(contact, int):
        return peer.peer_id == contact
    if contact.startswith("@"):
        return peer.username is not None and peer.username.casefold() == contact[1:].casefold()
    return contact.casefold() in (peer.name.casefold(), peer.title.casefold())


class Scope:
    """What [sync] means while nobody lists the chats: those that syncs chose, and new ones of the chosen kinds.

    `listed` are the chats that syncs chose, with what Telegram tells of each. A name means one of these; a stranger of
    the same name is nobody's choice. Whoever of the `known` is excluded stays so under any other name.
    """

    def __init__(self, choice: Sync, listed: Mapping[int, tuple[Peer, Dialog]], known: Iterable[Peer] = ()) -> None:
        self._chosen = {contact for contact in choice.chats if isinstance(contact, int)} | {
            chat_id
            for chat_id, (peer, dialog) in listed.items()
            if _is_any(peer, choice.chats) or _lies_in(choice.folder, dialog)
        }
        self._kinds = choice.kinds
        self._excluded: set[Contact] = {
            *choice.exclude,
            *(one.peer_id for one in known if _is_any(one, choice.exclude)),
        }
        self._agreed = {chat_id for chat_id, (peer, _) in listed.items() if _is_any(peer, choice.protected)}

    def choose(self, chat_ids: Iterable[int]) -> None:
        """Take these in as if they were named."""
        self._chosen.update(chat_ids)

    def holds(self, peer: Peer, protected: bool) -> bool:
        """Whether a chat is to be kept; `protected` where Telegram forbids to save what is said there."""
        if _is_any(peer, self._excluded) or (protected and peer.peer_id not in self._agreed):
            return False
        return peer.peer_id in self._chosen or is_of(peer, self._kinds)


def _is_any(peer: Peer, contacts: Iterable[Contact]) -> bool:
    return any(_is(peer, contact) for contact in contacts)
