"""One handler per method, in modules by Telegram's own sections; each module has a table of its own."""

from sandbox.mtproto.methods import (
    account,
    auth,
    channels,
    config,
    contacts,
    dialogs,
    folders,
    forums,
    history,
    reactions,
    send,
    takeout,
    updates,
    users,
)
from sandbox.mtproto.registry import Methods

SECTIONS = (
    *(account, auth, channels, config, contacts, dialogs, folders, forums, history),
    *(reactions, send, takeout, updates, users),
)


def all_methods() -> Methods:
    """Everything that this Telegram can do."""
    return Methods(section.methods for section in SECTIONS)
