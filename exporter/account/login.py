"""Logging in, by code or by QR code: what Telegram asks for, in its order. It knows no terminal, only who answers."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from telethon import TelegramClient, errors, events
from telethon.tl import types
from telethon.tl.functions.account import GetPasswordRequest
from telethon.tl.functions.auth import ExportLoginTokenRequest, ImportLoginTokenRequest
from telethon.utils import parse_phone

from exporter.account.connection import lock_account, open_client
from exporter.account.refusals import LOG_IN, explained
from exporter.account.translate import to_peer
from exporter.errors import LoginError
from exporter.messages import Peer
from exporter.settings.config import Config

Ask = Callable[[str], str]
"""Puts a question to the user, and gives the answer."""
TRIES = 3
"""For the code, and for the password."""
LOGIN_RETRIES = 5
"""Telethon's own, as it follows an account to its server: nothing of a login must not be repeated."""
QR_LIFE = 25.0
"""Seconds that a QR code is shown; Telegram accepts each for about 30."""
_SENT = {
    types.auth.SentCodeTypeApp: " to your other devices",
    types.auth.SentCodeTypeSms: " as an SMS",
    types.auth.SentCodeTypeCall: " by a phone call",
    types.auth.SentCodeTypeMissedCall: " as the last digits of a number that calls you",
    types.auth.SentCodeTypeEmailCode: " by e-mail",
    types.auth.SentCodeTypeFragmentSms: " to fragment.com",
}
_KEEP_IT = "Type it here only: a code that is sent on inside Telegram expires at once."


async def login(config: Config, *, ask: Ask, ask_hidden: Ask) -> Peer:
    """Log in by the code that Telegram sends to the phone, and say as whom; a session that works is kept.

    Raises:
        LoginError: Telegram does not know the application, the phone, the code or the password.
        DoppelgangerError: another process has the account, or Telegram cannot be reached.
    """

    async def enter(client: TelegramClient) -> Any:
        phone = parse_phone(config.telegram.phone or ask("Phone number, as in +351…: "))
        if not phone:
            raise errors.PhoneNumberInvalidError(request=None)
        return await _by_code(client, phone, ask)

    return await _login(config, enter, ask_hidden)


async def login_by_qr(config: Config, *, show: Callable[[str | None], None], ask_hidden: Ask) -> Peer:
    """Log in by a QR code that a device of the account's scans, and say as whom; a session that works is kept.

    `show` gets the tg:// address to draw, a new one as often as it expires, and None when it was scanned.

    Raises:
        LoginError: Telegram does not know the application or the password.
        DoppelgangerError: another process has the account, or Telegram cannot be reached.
    """

    async def enter(client: TelegramClient) -> Any:
        try:
            return await _by_qr(client, show)
        finally:
            show(None)

    return await _login(config, enter, ask_hidden)


async def _login(config: Config, enter: Callable[[TelegramClient], Awaitable[Any]], ask_hidden: Ask) -> Peer:
    config.make_state()
    with lock_account(config), explained():
        user = await _logged_in(config) if config.session.exists() else None
        if user is None:
            config.session.unlink(missing_ok=True)  # Telegram refuses its key: a new one is needed
            async with open_client(config, request_retries=LOGIN_RETRIES) as client:
                try:
                    user = await enter(client)
                except errors.SessionPasswordNeededError:
                    user = await _by_password(client, ask_hidden)
        return to_peer(user)


async def _logged_in(config: Config) -> Any | None:
    """The account whose session this is; None where Telegram does not accept it."""
    try:
        async with open_client(config, request_retries=LOGIN_RETRIES) as client:
            return await client.get_me()
    except (errors.AuthKeyDuplicatedError, errors.AuthKeyNotFound):
        return None


async def _by_code(client: TelegramClient, phone: str, ask: Ask) -> Any:
    question = f"Telegram sent a code{_where(await client.send_code_request(phone))}. {_KEEP_IT}\nCode: "
    wrong, renewed = 0, False
    while wrong < TRIES:
        code = ask(question)
        try:
            if code:  # without one, Telethon asks for another code
                return await client.sign_in(phone, code)
        except (errors.PhoneCodeInvalidError, errors.PhoneCodeEmptyError):
            pass
        except errors.PhoneCodeExpiredError:
            if renewed:
                raise
            renewed = True
            question = f"That code has expired. Telegram sent another{_where(await client.send_code_request(phone))}: "
            continue
        wrong += 1
        question = "That was not the code. Once more: "
    raise LoginError(f"the code was wrong {TRIES} times", fix=LOG_IN)


def _where(sent: types.auth.SentCode) -> str:
    return _SENT.get(type(sent.type), "")


async def _by_qr(client: TelegramClient, show: Callable[[str], None]) -> Any:
    scanned = asyncio.Event()

    async def on_scan(update: types.UpdateLoginToken) -> None:
        scanned.set()

    client.add_event_handler(on_scan, events.Raw(types.UpdateLoginToken))
    while True:
        answer = await client(ExportLoginTokenRequest(client.api_id, client.api_hash, except_ids=[]))
        if isinstance(answer, types.auth.LoginTokenMigrateTo):
            await client._switch_dc(answer.dc_id)
            answer = await client(ImportLoginTokenRequest(answer.token))
        if isinstance(answer, types.auth.LoginTokenSuccess):
            return answer.authorization.user
        show(f"tg://login?token={base64.urlsafe_b64encode(answer.token).decode().rstrip('=')}")
        with suppress(TimeoutError):
            await asyncio.wait_for(scanned.wait(), QR_LIFE)
        scanned.clear()


async def _by_password(client: TelegramClient, ask_hidden: Ask) -> Any:
    hint = (await client(GetPasswordRequest())).hint
    question = f"Password of two-step verification{f' (your hint: {hint})' if hint else ''}: "
    for _ in range(TRIES):
        password = ask_hidden(question)
        with suppress(errors.PasswordHashInvalidError):
            if password:
                return await client.sign_in(password=password)
        question = "That was not the password. Once more: "
    raise LoginError(f"the password was wrong {TRIES} times", fix=LOG_IN)
