"""What a person sees and sets of his own account: its password, its devices, whether he is online."""

import secrets

from telethon.tl import functions, types

from sandbox.errors import Refused
from sandbox.logins import Login
from sandbox.mtproto.registry import Caller, Methods
from sandbox.passwords import PRIME, G

methods = Methods()

CURRENT = 0
"""Every device's hash for itself: it cannot end itself by it."""
TTL_DAYS = 180
"""Without use, until a device is logged out; Telegram's own default."""
APP_NAME = "Sandbox"
"""What the one app that is registered here is called."""
PLATFORM = "Unknown"
"""Telegram guesses it for apps that it knows."""


@methods.handles(functions.account.GetPasswordRequest, anyone=True)
def get_password(caller: Caller, request: functions.account.GetPasswordRequest) -> types.account.Password:
    """How to prove that one knows it; asked during a login, too."""
    user = caller.world.logins.claimed(caller.key_id)
    if user is None:
        raise Refused(401, "AUTH_KEY_UNREGISTERED")
    answer = types.account.Password(
        _kdf(secrets.token_bytes(8), secrets.token_bytes(16)),
        types.SecurePasswordKdfAlgoSHA512(secrets.token_bytes(8)),
        secrets.token_bytes(256),
    )
    challenge = caller.world.logins.challenge(caller.key_id, user)
    if challenge is not None:
        password = caller.world.logins.passwords[user.id]
        answer.has_password, answer.hint = True, password.hint or None
        answer.current_algo = _kdf(password.salt1, password.salt2)
        answer.srp_id, answer.srp_B = challenge.id, challenge.sent
    return answer


@methods.handles(functions.account.GetAuthorizationsRequest)
def get_authorizations(
    caller: Caller, request: functions.account.GetAuthorizationsRequest
) -> types.account.Authorizations:
    """All devices, this one first."""
    logins = sorted(caller.world.logins.of(caller.user), key=lambda login: login.key_id != caller.key_id)
    return types.account.Authorizations(TTL_DAYS, [authorization(caller, login) for login in logins])


@methods.handles(functions.account.ResetAuthorizationRequest)
def reset_authorization(caller: Caller, request: functions.account.ResetAuthorizationRequest) -> bool:
    """Log one other device out."""
    for login in caller.world.logins.of(caller.user):
        if login.hash == request.hash and login.key_id != caller.key_id:
            caller.world.logins.end(login.key_id)
            return True
    raise Refused(400, "HASH_INVALID")


@methods.handles(functions.account.UpdateStatusRequest)
def update_status(caller: Caller, request: functions.account.UpdateStatusRequest) -> bool:
    """Come online, or go."""
    caller.world.come_online(caller.user, not request.offline, origin=caller.origin)
    return True


def authorization(caller: Caller, login: Login) -> types.Authorization:
    """One line of the list of devices."""
    device = caller.world.logins.device(login)
    current = login.key_id == caller.key_id
    return types.Authorization(
        CURRENT if current else login.hash, device.model, PLATFORM, device.system, device.api_id,
        app_name=APP_NAME, app_version=device.app_version, date_created=int(login.created),
        date_active=int(login.active), ip=caller.server.host, country="", region="", current=current or None,
    )  # fmt: skip


def _kdf(salt1: bytes, salt2: bytes) -> types.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow:
    return types.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow(
        salt1, salt2, G, PRIME.to_bytes(256, "big")
    )
