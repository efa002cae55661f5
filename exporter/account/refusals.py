"""How Telegram's refusals read, and what the user can do about each. It asks nobody and stores nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from telethon import errors

from exporter.errors import ComeBackLater, DoppelgangerError, LoginError, Passing

FLOODS = (errors.FloodWaitError, errors.FloodPremiumWaitError)
GONE: tuple[type[Exception], ...] = (
    errors.ChannelPrivateError,
    errors.ChannelInvalidError,
    errors.ChatForbiddenError,
    errors.ChatIdInvalidError,
    errors.PeerIdInvalidError,
    errors.UserBannedInChannelError,
)
"""What a chat answers that the owner can no longer read: what is stored of it stays."""
LOG_IN = "run `python -m exporter login`; nothing that is stored is lost"
_OWN_API_ID = "make your own at my.telegram.org and copy both into [telegram]"
_OTHER_PHONE = "correct [telegram] phone: with the country's code, as in +351…"
_REFUSALS: tuple[tuple[tuple[type[Exception], ...], str, str], ...] = (
    (
        (errors.ApiIdInvalidError, errors.ConnectionApiIdInvalidError),
        "Telegram does not know this api_id with this api_hash",
        _OWN_API_ID,
    ),
    ((errors.ApiIdPublishedFloodError,), "this api_id was published, and Telegram refuses it", _OWN_API_ID),
    ((errors.PhoneNumberInvalidError,), "this is not a phone number to Telegram", _OTHER_PHONE),
    ((errors.PhoneNumberUnoccupiedError,), "no Telegram account has this phone number", _OTHER_PHONE),
    ((errors.PhoneNumberBannedError,), "Telegram has banned this phone number", "write to recover@telegram.org"),
    (
        (errors.PhoneNumberFloodError, errors.PhonePasswordFloodError),
        "too many logins were tried with this phone number",
        "wait a day, then run `python -m exporter login`",
    ),
    ((errors.PhoneCodeExpiredError,), "the code has expired", LOG_IN),
    ((errors.UnauthorizedError,), "Telegram no longer accepts the session: it was ended elsewhere", LOG_IN),
    (
        (errors.AuthKeyDuplicatedError, errors.AuthKeyNotFound),
        "Telegram no longer knows the session's key",
        LOG_IN,
    ),
)


@contextmanager
def explained() -> Iterator[None]:
    """Let what Telegram refuses in the block come out as a problem and its fix."""
    try:
        yield
    except Exception as error:
        explanation = explain(error)
        if explanation is None:
            raise
        raise explanation from error


def explain(error: Exception) -> DoppelgangerError | None:
    """What a refusal of Telegram's means to the user; None where it is no refusal but a bug."""
    for kinds, problem, fix in _REFUSALS:
        if isinstance(error, kinds):
            return LoginError(problem, fix=fix)
    if isinstance(error, FLOODS):
        return come_back_later(datetime.now(UTC) + timedelta(seconds=error.seconds))
    if isinstance(error, (errors.ServerError, errors.TimedOutError, errors.InvalidBufferError)):
        return Passing("Telegram has trouble of its own", fix="run the same command again later")
    if isinstance(error, (ConnectionError, TimeoutError)):
        return Passing(
            "Telegram cannot be reached", fix="look at the network, then run the same command again to go on"
        )
    return None


def come_back_later(until: datetime) -> ComeBackLater:
    """Telegram's wait, for the user. `until` is aware."""
    return ComeBackLater(
        f"Telegram asks to wait until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        fix="run the same command again after that; trying earlier makes the wait longer",
        until=until,
    )
