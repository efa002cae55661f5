"""What an account has besides its chats: devices it is logged in on, a password, folders, takeouts."""

import base64
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sandbox.errors import Refused
from sandbox.events import Refoldered
from sandbox.logins import Login, Logins
from sandbox.passwords import Password
from sandbox.people import People
from sandbox.values import Peer, User

FIRST_FOLDER = 2
"""Id of the first folder that someone makes; below stand Telegram's own."""

ARCHIVE = 1
"""Id of the folder that archived chats are in."""
FOREVER = 2**31 - 1
"""What Telegram's apps send as the end of a silence that has none."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Chats that the owner shows together: those named, and those of some kinds."""

    id: int
    title: str
    include: tuple[Peer, ...] = ()
    exclude: tuple[Peer, ...] = ()
    pinned: tuple[Peer, ...] = ()
    kinds: tuple[str, ...] = ()
    """Of contacts, non_contacts, groups, broadcasts, bots."""
    without: tuple[str, ...] = ()
    """Of those kinds, what is muted, read, archived."""
    shared: bool = False
    """By a link: such a folder names its chats, and has no kinds and no exclusions."""


@dataclass(slots=True)
class Takeout:
    """A client's leave to export at leisure."""

    user: User
    options: dict[str, bool | int]
    """What it asked for, named as in account.initTakeoutSession."""
    id: int = field(default_factory=lambda: secrets.randbits(62))
    success: bool | None = None
    """What the client said at the end; None until then."""


class Accounts(People):
    """People, and what each has for himself alone.

    Args:
        clock: gives seconds since 1970: the time of everything here, and of the server towards its clients. May be put
            forward at any time, and back while nobody is connected.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self.clock = clock
        self.logins = Logins(lambda: self.clock())
        self.folders: dict[int, list[Folder]] = {}
        """By user id."""
        self.archived: dict[int, set[int]] = {}
        """Marked ids of chats, by user id."""
        self.muted: dict[int, dict[int, int]] = {}
        """Until when, in seconds since 1970, by user id and then by the chat's marked id."""
        self.takeouts: list[Takeout] = []
        """All that ever began, in order."""

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

    def folder(
        self,
        owner: User,
        title: str,
        *,
        include: Sequence[Peer] = (),
        exclude: Sequence[Peer] = (),
        pinned: Sequence[Peer] = (),
        contacts: bool = False,
        non_contacts: bool = False,
        groups: bool = False,
        broadcasts: bool = False,
        bots: bool = False,
        without: Sequence[str] = (),
        shared: bool = False,
    ) -> Folder:
        """A new folder at the end of the owner's.

        Args:
            without: which of the kinds asked for are left out: "muted", "read", "archived".
            pinned: need not be included too.
            shared: by a link.
        """
        asked = {
            "contacts": contacts,
            "non_contacts": non_contacts,
            "groups": groups,
            "broadcasts": broadcasts,
            "bots": bots,
        }
        kinds = tuple(kind for kind, wanted in asked.items() if wanted)
        folders = self.folders.setdefault(owner.id, [])
        named = tuple(include), tuple(exclude), tuple(pinned)
        folders.append(Folder(FIRST_FOLDER + len(folders), title, *named, kinds, tuple(without), shared))
        self.box(owner).tell(Refoldered(), None)
        return folders[-1]

    def fill(self, owner: User, folder: Folder, *include: Peer) -> None:
        """Let the folder name these chats and no others."""
        folders = self.folders[owner.id]
        place = next(place for place, one in enumerate(folders) if one.id == folder.id)
        folders[place] = replace(folders[place], include=include)
        self.box(owner).tell(Refoldered(), None)

    def archive(self, owner: User, *chats: Peer) -> None:
        """Put chats out of the owner's sight."""
        self.archived.setdefault(owner.id, set()).update(chat.key for chat in chats)

    def mute(self, owner: User, chat: Peer, until: int = FOREVER) -> None:
        """The owner's devices stay silent about a chat."""
        self.muted.setdefault(owner.id, {})[chat.key] = until

    def takeout(self, user: User, takeout_id: int) -> Takeout:
        """The person's takeout with this id.

        Raises:
            Refused: there is none, it is over, or another began since.
        """
        newest = next((takeout for takeout in reversed(self.takeouts) if takeout.user == user), None)
        if newest is None or newest.id != takeout_id or newest.success is not None:
            raise Refused(400, "TAKEOUT_INVALID")
        return newest
