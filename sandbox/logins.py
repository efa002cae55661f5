"""Who is logged in where: what each authorisation key stands for, and the ways to get there: code, QR, password."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.errors import Refused
from sandbox.passwords import Challenge, Password
from sandbox.values import User

TOKEN_LIFE = 30.0
"""Seconds that a QR code can be scanned, as Telegram's can."""


@dataclass(frozen=True, slots=True)
class Device:
    """What a client says of itself when its connection begins."""

    model: str = ""
    system: str = ""
    app_version: str = ""
    api_id: int = 0


@dataclass(slots=True, eq=False)
class Login:
    """A key that stands for a person: one line of his list of devices."""

    key_id: int
    user: User
    created: float
    """Seconds since 1970, as is `active`, the time of its last call."""
    active: float
    hash: int = field(default_factory=lambda: secrets.randbits(62))
    """What other devices call it."""


@dataclass(slots=True, eq=False)
class LoginToken:
    """What a QR code holds: who scans it lets the key in."""

    key_id: int
    expires: float
    """Seconds since 1970."""
    value: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    accepted: bool = False


class Logins:
    """Logins by key, and whoever is on the way to one.

    Args:
        clock: gives seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.token_life = TOKEN_LIFE
        self.devices: dict[int, Device] = {}
        """By key id, of every client that ever connected."""
        self.passwords: dict[int, Password] = {}
        """By user id, of those who have two-step verification."""
        self._clock = clock
        self._by_key: dict[int, Login] = {}
        self._accepted: dict[int, Login] = {}
        """Their code was scanned; they begin when the key itself asks again."""
        self._unproven: dict[int, User] = {}
        """Whose code or token was right, but whose password is still missing."""
        self._challenges: dict[int, Challenge] = {}
        self._tokens: dict[bytes, LoginToken] = {}
        self._watchers: dict[int, Callable[[], None]] = {}

    def user(self, key_id: int) -> User | None:
        """Whom the key stands for."""
        login = self._by_key.get(key_id)
        return None if login is None else login.user

    def seen(self, key_id: int) -> User | None:
        """The same, and that the device was active now."""
        login = self._by_key.get(key_id)
        if login is None:
            return None
        login.active = self._clock()
        return login.user

    def of(self, user: User) -> list[Login]:
        """A person's devices, in the order in which they came."""
        return [login for login in self._by_key.values() if login.user.id == user.id]

    def device(self, login: Login) -> Device:
        """What is known of a login's client."""
        return self.devices.get(login.key_id, Device())

    def begin(self, key_id: int, user: User) -> None:
        """From now on the key stands for the person."""
        self._unproven.pop(key_id, None)
        login = self._accepted.pop(key_id, None)
        self._by_key[key_id] = login if login is not None and login.user == user else self._login(key_id, user)

    def end(self, *key_ids: int) -> None:
        """The keys stand for nobody."""
        for key_id in key_ids:
            self._by_key.pop(key_id, None)

    # --- passwords

    def enter(self, key_id: int, user: User) -> None:
        """The code or the token was right: begin, unless there is a password.

        Raises:
            Refused: the password is wanted first.
        """
        if user.id in self.passwords:
            self._unproven[key_id] = user
            raise Refused(401, "SESSION_PASSWORD_NEEDED")
        self.begin(key_id, user)

    def claimed(self, key_id: int) -> User | None:
        """Whom the key stands for, or would with the right password."""
        return self.user(key_id) or self._unproven.get(key_id)

    def challenge(self, key_id: int, user: User) -> Challenge | None:
        """A fresh question for the person's password; None where there is none."""
        password = self.passwords.get(user.id)
        if password is None:
            return None
        self._challenges[key_id] = Challenge(password)
        return self._challenges[key_id]

    def prove(self, key_id: int, challenge_id: int, sent: bytes, proof: bytes) -> User:
        """Answer the question, and begin; gives who that is.

        Raises:
            Refused: nobody waits for a password, the question is an old one, or the answer is wrong.
        """
        user = self.claimed(key_id)
        if user is None:
            raise Refused(401, "AUTH_KEY_UNREGISTERED")
        challenge = self._challenges.pop(key_id, None)
        if challenge is None or challenge.id != challenge_id:
            raise Refused(400, "SRP_ID_INVALID")
        if not challenge.is_met(sent, proof):
            raise Refused(400, "PASSWORD_HASH_INVALID")
        self.begin(key_id, user)
        return user

    # --- QR codes

    def offer(self, key_id: int) -> LoginToken:
        """A token for the QR code of a client that wants in."""
        token = LoginToken(key_id, self._clock() + self.token_life)
        self._tokens[token.value] = token
        return token

    def accept(self, value: bytes, user: User) -> Login:
        """A person scans the code: the waiting client is told, and may come in.

        Raises:
            Refused: no such token, no longer, or not again.
        """
        token = self._tokens.get(value)
        if token is None:
            raise Refused(400, "AUTH_TOKEN_INVALID")
        if token.accepted:
            raise Refused(400, "AUTH_TOKEN_ALREADY_ACCEPTED")
        if token.expires <= self._clock():
            raise Refused(400, "AUTH_TOKEN_EXPIRED")
        token.accepted = True
        login = self._accepted[token.key_id] = self._login(token.key_id, user)
        if token.key_id in self._watchers:
            self._watchers[token.key_id]()
        return login

    def scanned(self, key_id: int) -> User | None:
        """Who let this key in, until it comes in."""
        login = self._accepted.get(key_id)
        return None if login is None else login.user

    def watch(self, key_id: int, accepted: Callable[[], None]) -> Callable[[], None]:
        """Be told when the key's code is scanned; call the result to be told no more."""
        self._watchers[key_id] = accepted
        return lambda: self._forget(key_id, accepted)

    def _forget(self, key_id: int, accepted: Callable[[], None]) -> None:
        if self._watchers.get(key_id) == accepted:  # not of a connection that came since
            del self._watchers[key_id]

    def _login(self, key_id: int, user: User) -> Login:
        now = self._clock()
        return Login(key_id, user, now, now)
