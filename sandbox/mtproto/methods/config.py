"""What a client asks first of all: data centres and limits."""

from telethon.tl import functions, types

from sandbox.mtproto.registry import Caller, Methods
from sandbox.values import LONGEST_TEXT
from sandbox.world import DC_ID

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
