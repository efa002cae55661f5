"""Logging in and out: by phone and code, by QR code, by a bot's token, and with a password where there is one."""

from typing import Any

from telethon.tl import functions, types

from sandbox.errors import Refused
from sandbox.mtproto.methods.account import authorization
from sandbox.mtproto.registry import Caller, Methods
from sandbox.mtproto.render import Renderer
from sandbox.values import User
from sandbox.world import API_HASH, API_ID, LOGIN_CODE

methods = Methods()


@methods.handles(functions.auth.SendCodeRequest, anyone=True)
def send_code(caller: Caller, request: functions.auth.SendCodeRequest) -> types.auth.SentCode:
    """Every phone gets the same code."""
    _check_app(request.api_id, request.api_hash)
    user = _by_phone(caller, request.phone_number)
    return types.auth.SentCode(types.auth.SentCodeTypeApp(len(LOGIN_CODE)), phone_code_hash=_code_hash(user))


@methods.handles(functions.auth.SignInRequest, anyone=True)
def sign_in(caller: Caller, request: functions.auth.SignInRequest) -> types.auth.Authorization:
    """The key of this connection stands for the person from now on."""
    user = _by_phone(caller, request.phone_number)
    if request.phone_code_hash != _code_hash(user):
        raise Refused(400, "PHONE_CODE_EXPIRED")
    if request.phone_code != LOGIN_CODE:
        raise Refused(400, "PHONE_CODE_INVALID" if request.phone_code else "PHONE_CODE_EMPTY")
    caller.world.logins.enter(caller.key_id, user)
    return _entered(caller, user)


@methods.handles(functions.auth.CheckPasswordRequest, anyone=True)
def check_password(caller: Caller, request: functions.auth.CheckPasswordRequest) -> types.auth.Authorization:
    """The second step, where there is a password."""
    given = request.password
    if not isinstance(given, types.InputCheckPasswordSRP):
        raise Refused(400, "PASSWORD_HASH_INVALID")
    return _entered(caller, caller.world.logins.prove(caller.key_id, given.srp_id, given.A, given.M1))


@methods.handles(functions.auth.ExportLoginTokenRequest, anyone=True)
def export_login_token(caller: Caller, request: functions.auth.ExportLoginTokenRequest) -> Any:
    """What the QR code is to show; once it was scanned, asking again is what lets the client in."""
    _check_app(request.api_id, request.api_hash)
    logins = caller.world.logins
    user = logins.scanned(caller.key_id)
    if user is None:
        token = logins.offer(caller.key_id)
        return types.auth.LoginToken(int(token.expires), token.value)
    logins.enter(caller.key_id, user)
    return types.auth.LoginTokenSuccess(_entered(caller, user))


@methods.handles(functions.auth.AcceptLoginTokenRequest)
def accept_login_token(caller: Caller, request: functions.auth.AcceptLoginTokenRequest) -> types.Authorization:
    """A device that is logged in has scanned another's QR code."""
    return authorization(caller, caller.world.logins.accept(request.token, caller.user))


@methods.handles(functions.auth.ImportBotAuthorizationRequest, anyone=True)
def import_bot(caller: Caller, request: functions.auth.ImportBotAuthorizationRequest) -> types.auth.Authorization:
    """A bot logs in by its token."""
    _check_app(request.api_id, request.api_hash)
    bot = caller.world.bot_of(request.bot_auth_token)
    if bot is None:
        raise Refused(400, "ACCESS_TOKEN_INVALID")
    caller.world.logins.begin(caller.key_id, bot)
    return _entered(caller, bot)


@methods.handles(functions.auth.LogOutRequest)
def log_out(caller: Caller, request: functions.auth.LogOutRequest) -> types.auth.LoggedOut:
    """The key stands for nobody."""
    caller.world.logins.end(caller.key_id)
    return types.auth.LoggedOut()


@methods.handles(functions.auth.ResetAuthorizationsRequest)
def reset_authorizations(caller: Caller, request: functions.auth.ResetAuthorizationsRequest) -> bool:
    """All other devices of his are logged out."""
    logins = caller.world.logins
    logins.end(*(login.key_id for login in logins.of(caller.user) if login.key_id != caller.key_id))
    return True


def _check_app(api_id: int, api_hash: str) -> None:
    if (api_id, api_hash) != (API_ID, API_HASH):
        raise Refused(400, "API_ID_INVALID")


def _by_phone(caller: Caller, phone: str) -> User:
    digits = "".join(filter(str.isdigit, phone))
    if not digits:
        raise Refused(400, "PHONE_NUMBER_INVALID")
    for user in caller.world.users.values():
        if not user.bot and user.phone == f"+{digits}":
            return user
    raise Refused(400, "PHONE_NUMBER_UNOCCUPIED")


def _code_hash(user: User) -> str:
    return f"code-for-{user.id}"


def _entered(caller: Caller, user: User) -> types.auth.Authorization:
    return types.auth.Authorization(Renderer(caller.world, user).user(user))
