"""Logging in and out by phone and code, or by a bot's token; what a client asks first of all."""

from telethon.tl import functions, types

from sandbox.errors import Refused
from sandbox.mtproto.registry import Caller, Methods
from sandbox.mtproto.render import Renderer
from sandbox.values import LONGEST_TEXT, User
from sandbox.world import API_HASH, API_ID, DC_ID, LOGIN_CODE

methods = Methods()

DAY = 86400


@methods.handles(functions.help.GetConfigRequest, anyone=True)
def get_config(caller: Caller, request: functions.help.GetConfigRequest) -> types.Config:
    """The one data centre that there is, and limits."""
    now = int(caller.world.clock())
    dc = types.DcOption(DC_ID, caller.server.host, caller.server.port, static=True)
    return types.Config(
        date=now, expires=now + DAY, test_mode=False, this_dc=DC_ID, dc_options=[dc], dc_txt_domain_name="",
        chat_size_max=200, megagroup_size_max=200000, forwarded_count_max=100, online_update_period_ms=210000,
        offline_blur_timeout_ms=5000, offline_idle_timeout_ms=30000, online_cloud_timeout_ms=300000,
        notify_cloud_delay_ms=30000, notify_default_delay_ms=1500, push_chat_period_ms=60000, push_chat_limit=2,
        edit_time_limit=172800, revoke_time_limit=2147483647, revoke_pm_time_limit=2147483647, rating_e_decay=2419200,
        stickers_recent_limit=200, channels_read_media_period=604800, call_receive_timeout_ms=20000,
        call_ring_timeout_ms=90000, call_connect_timeout_ms=30000, call_packet_timeout_ms=10000,
        me_url_prefix="https://t.me/", caption_length_max=1024, message_length_max=LONGEST_TEXT, webfile_dc_id=DC_ID,
    )  # fmt: skip


@methods.handles(functions.help.GetNearestDcRequest, anyone=True)
def get_nearest_dc(caller: Caller, request: functions.help.GetNearestDcRequest) -> types.NearestDc:
    """The same data centre."""
    return types.NearestDc("ZZ", DC_ID, DC_ID)


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
    return _log_in(caller, user)


@methods.handles(functions.auth.ImportBotAuthorizationRequest, anyone=True)
def import_bot(caller: Caller, request: functions.auth.ImportBotAuthorizationRequest) -> types.auth.Authorization:
    """A bot logs in by its token."""
    _check_app(request.api_id, request.api_hash)
    bot = caller.world.bot_of(request.bot_auth_token)
    if bot is None:
        raise Refused(400, "ACCESS_TOKEN_INVALID")
    return _log_in(caller, bot)


@methods.handles(functions.auth.LogOutRequest)
def log_out(caller: Caller, request: functions.auth.LogOutRequest) -> types.auth.LoggedOut:
    """The key stands for nobody."""
    del caller.world.logins[caller.key_id]
    return types.auth.LoggedOut()


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


def _log_in(caller: Caller, user: User) -> types.auth.Authorization:
    caller.world.logins[caller.key_id] = user.id
    return types.auth.Authorization(Renderer(caller.world, user).user(user))
