"""Logging in: what Telegram asks for, in its order. It knows who answers as callables, and no terminal."""

from collections.abc import Callable
from typing import Any

from telethon import TelegramClient, errors
from telethon.utils import parse_phone

from exporter.config import Config
from exporter.errors import LoginError
from exporter.messages import Peer
from exporter.refusals import LOG_IN, explained
from exporter.telegram import lock_account, open_client
from exporter.translate import to_peer

CODE_TRIES = 3
LOGIN_RETRIES = 5
"""Telethon's own, as it follows an account to its server: nothing of a login must not be repeated."""


async def login(
    config: Config,
    *,
    ask_phone: Callable[[], str],
    ask_code: Callable[[], str],
    ask_password: Callable[[], str],
) -> Peer:
    """Log in by the code that Telegram sends to the phone, and say as whom; a session that works is kept.

    Raises:
        LoginError: Telegram does not know the application, the phone or the code.
        DoppelgangerError: another process has the account, or Telegram cannot be reached.
    """
    config.make_state()
    with lock_account(config), explained():
        user = await _logged_in(config) if config.session.exists() else None
        if user is None:
            config.session.unlink(missing_ok=True)  # Telegram refuses its key: a new one is needed
            async with open_client(config, request_retries=LOGIN_RETRIES) as client:
                phone = parse_phone(config.telegram.phone or ask_phone())
                if not phone:
                    raise errors.PhoneNumberInvalidError(request=None)
                await client.send_code_request(phone)
                user = await _sign_in(client, phone, ask_code, ask_password)
        return to_peer(user)


async def _logged_in(config: Config) -> Any | None:
    """The account whose session this is; None where Telegram does not accept it."""
    try:
        async with open_client(config, request_retries=LOGIN_RETRIES) as client:
            return await client.get_me()
    except (errors.AuthKeyDuplicatedError, errors.AuthKeyNotFound):
        return None


async def _sign_in(
    client: TelegramClient, phone: str, ask_code: Callable[[], str], ask_password: Callable[[], str]
) -> Any:
    for _ in range(CODE_TRIES):
        try:
            return await client.sign_in(phone, ask_code())
        except (errors.PhoneCodeInvalidError, errors.PhoneCodeEmptyError):
            continue
        except errors.SessionPasswordNeededError:
            return await client.sign_in(password=ask_password())
    raise LoginError(f"the code was wrong {CODE_TRIES} times", fix=LOG_IN)
