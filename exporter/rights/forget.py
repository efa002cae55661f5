"""Forgetting somebody: first nothing of them is let in any more, then every byte of what is there is erased.

What was begun and not ended, for the power failed or somebody pressed Ctrl-C, is ended by doing it again. Of the order
of things it knows all; what the database keeps about somebody, `kept` says.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from exporter.account.connection import AccountInUse, erase_from_session, lock_account
from exporter.errors import DoppelgangerError
from exporter.messages import PeerKind
from exporter.progress import Aloud, Report, Step, silent
from exporter.rights.kept import Person, look_at
from exporter.settings.config import Config
from exporter.settings.section import Contact
from exporter.settings.selection import resolve_contact
from exporter.storing.database import compact, transaction
from exporter.storing.fulltext import let_go
from exporter.storing.runs import alone, empty
from exporter.storing.store import Store

log = logging.getLogger(__name__)

_STAGE = "forget"
_STEPS = 4


def find_person(store: Store, contact: Contact) -> Person:
    """Who is meant; by their id also somebody whose name is forgotten already.

    Raises:
        ConfigError: nobody is called so, or several are.
        DoppelgangerError: it is the owner.
    """
    peers = store.peers()
    denied = store.forgotten.parts(contact) if isinstance(contact, int) else frozenset()
    if isinstance(contact, int) and denied:
        contact_id, ids = contact, denied
    else:
        peer = resolve_contact(contact, peers.values())
        if peer.kind is PeerKind.SELF:
            raise DoppelgangerError(
                "these are your own chats: all that is stored is yours",
                fix="to be rid of everything, run `python -m exporter logout` and delete the state folder",
            )
        contact_id, ids = peer.peer_id, frozenset(store.parts(peer.peer_id))
    return Person(contact_id, ids, frozenset(peers[one].name for one in ids if one in peers))


def forget(
    config: Config, store: Store, person: Person, *, clock: Callable[[], datetime], report: Report = silent
) -> None:
    """Let nothing of them in any more, then erase what is there, byte by byte.

    Other processes may be at work; a training may not, for it would go on with what it has read.

    Raises:
        AlreadyTraining: one is going on; nothing was done.
        DoppelgangerError: another process does not let go of the database; what is left to do, the next call does.
    """
    aloud = Aloud(report)
    with alone(config.runs):
        store.forgotten.deny(person.contact_id, person.ids, clock())
        log.info("forget.denied", extra={"chat_id": person.contact_id})
        aloud(Step(_STAGE, 0, _STEPS, "what trainings left"))
        empty(config.runs)
        aloud(Step(_STAGE, 1, _STEPS, "the session"))
        with suppress(AccountInUse), lock_account(config):  # whoever has it knows nobody by name
            erase_from_session(config, person.ids)
        aloud(Step(_STAGE, 2, _STEPS, "messages"))
        with transaction(store.database), look_at(store.database, person) as kept:
            kept.erase()
            let_go(store.database)
        aloud(Step(_STAGE, 3, _STEPS, "free space"))
        compact(store.database, config.database, aloud)
        store.forgotten.erased(person.contact_id, clock())
    aloud(Step(_STAGE, _STEPS, _STEPS))
    log.info("forget.done", extra={"chat_id": person.contact_id})
