"""Where the account is logged in: its sessions as Telegram lists them, ending one of them, and ending our own."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from telethon import TelegramClient, errors
from telethon.tl import types
from telethon.tl.functions.account import GetAuthorizationsRequest, ResetAuthorizationRequest
from telethon.tl.functions.auth import LogOutRequest

from exporter.account.connection import lock_account, open_client
from exporter.account.refusals import explain
from exporter.errors import DoppelgangerError
from exporter.settings.config import Config

_ENDED = (errors.UnauthorizedError, errors.AuthKeyDuplicatedError, errors.AuthKeyNotFound)
"""What Telegram says to a session that it does not know any more."""


@dataclass(frozen=True, slots=True)
class Session:
    """One login of the account: in Telegram's apps, a line under Devices."""

    hash: str
    """How Telegram calls it, in 16 hexadecimal digits; every session is 0 to itself."""
    own: bool
    """This program's."""
    device: str
    app: str
    place: str
    """Where Telegram takes it to be, by its address."""
    created_at: datetime
    active_at: datetime
    """When it was last used. Aware, UTC, as `created_at`."""
    unfinished: bool
    """Somebody knows the code, and is asked for the password."""


async def fetch_sessions(client: TelegramClient) -> tuple[Session, ...]:
    """All sessions of the account, our own first, then by their last use."""
    found = [_session(one) for one in (await client(GetAuthorizationsRequest())).authorizations]
    return tuple(sorted(found, key=lambda one: (one.own, one.active_at), reverse=True))


def find_session(which: str, sessions: Sequence[Session]) -> Session:
    """The session with this place in the list, counted from 1, or with this hash; never our own.

    Raises:
        DoppelgangerError: there is none, or it is our own.
    """
    by_place = {str(place): session for place, session in enumerate(sessions, 1)}
    by_hash = {session.hash: session for session in sessions}
    found = by_place.get(which) or by_hash.get(which.lower())
    if found is None:
        raise DoppelgangerError(f"there is no session {which}", fix="see the list: `python -m exporter sessions`")
    if found.own:
        raise DoppelgangerError("this session is our own", fix="end it with `python -m exporter logout`")
    return found


async def terminate(client: TelegramClient, session: Session) -> None:
    """Let Telegram end another session.

    Raises:
        DoppelgangerError: it is gone already, or ours is too young to end others.
    """
    try:
        await client(ResetAuthorizationRequest(int.from_bytes(bytes.fromhex(session.hash), signed=True)))
    except errors.HashInvalidError:
        raise DoppelgangerError(
            "this session has ended meanwhile", fix="see the list: `python -m exporter sessions`"
        ) from None
    except errors.FreshResetAuthorisationForbiddenError:
        raise DoppelgangerError(
            "Telegram lets a session end others only a day after its own login",
            fix="wait until then, or end it in one of Telegram's apps, under Settings > Devices",
        ) from None


async def log_out(config: Config) -> bool:
    """End our own session at Telegram's, then erase its file; False where Telegram had ended it before.

    Raises:
        DoppelgangerError: Telegram could not be asked. Then the session still works, and its file is kept.
    """
    with lock_account(config):
        known = True
        try:
            async with open_client(config, request_retries=1) as client:
                await client(LogOutRequest())
        except _ENDED:
            known = False
        except Exception as error:
            refusal = explain(error)
            if refusal is None:
                raise
            refusal.problem += "; the session was NOT revoked, and its file is kept"
            refusal.fix = (
                "run this again later, or end the session in one of Telegram's apps, under Settings > Devices, "
                "and then run this again"
            )
            raise refusal from error
        for file in (config.session, config.session.with_name(f"{config.session.name}-journal")):
            if file.exists():
                _shred(file)
    return known


def _session(one: types.Authorization) -> Session:
    return Session(
        one.hash.to_bytes(8, signed=True).hex(),
        own=bool(one.current),
        device=_words(" ", one.device_model, one.system_version),
        app=_words(" ", one.app_name, one.app_version),
        place=_words(", ", one.region, one.country) or one.ip,
        created_at=one.date_created,
        active_at=one.date_active,
        unfinished=bool(one.password_pending),
    )


def _words(between: str, *parts: str) -> str:
    """What other programs say of themselves, without what a terminal would obey."""
    return "".join(sign for sign in between.join(filter(None, parts)) if sign.isprintable())


def _shred(path: Path) -> None:
    """Overwrite a file before it is deleted: what a disk only lets go of can be read again."""
    with path.open("r+b") as file:
        file.write(os.urandom(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
