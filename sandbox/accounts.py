"""What an account has besides its chats: the devices it is logged in on, and its password."""

import base64
from collections.abc import Callable

from sandbox.logins import Login, Logins
from sandbox.passwords import Password
from sandbox.people import People
from sandbox.values import User


class Accounts(People):
    """People, and what each has for himself alone.

    Args:
        clock: gives seconds since 1970; may be put forward or back while the world is in use.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self.clock = clock
        self.logins = Logins(lambda: self.clock())

    def set_password(self, user: User, text: str, *, hint: str = "") -> None:
        """Two-step verification: who logs in as this person has to know the password too."""
        self.logins.passwords[user.id] = Password.of(text, hint)

    def accept_login(self, user: User, token: bytes | str) -> Login:
        """The person scans a QR code, or opens its tg://login?token=... address.

        Raises:
            Refused: no such token, no longer, or not again.
        """
        if isinstance(token, str):
            encoded = token.partition("token=")[2]
            token = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        return self.logins.accept(token, user)

    def revoke(self, user: User) -> None:
        """End all sessions of an account: their next request is answered 401 AUTH_KEY_UNREGISTERED."""
        self.logins.end(*(login.key_id for login in self.logins.of(user)))
