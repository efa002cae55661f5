"""One handler per method, in modules by Telegram's own sections; each module has a table of its own."""

from sandbox.mtproto.methods import account, auth, config, contacts, dialogs, history, send, updates, users
from sandbox.mtproto.registry import Methods


def all_methods() -> Methods:
    """Everything that this Telegram can do."""
    return Methods(
        module.methods for module in (account, auth, config, users, contacts, dialogs, history, send, updates)
    )
