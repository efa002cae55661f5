"""The config file that the demo writes for the commands it drives."""

from pathlib import Path
from typing import Any

from sandbox.demo.material import Material

Json = dict[str, Any]

PACE = 0.1
"""Human delays are cut to a tenth: the demo shows their order, not their length."""


def config(telegram: Json, material: Material, state: Path, minutes: float) -> str:
    """The TOML of an owner who lets the double draft for one friend and answer another; training takes `minutes`."""
    return f'''# Written by `make demo`. The key of `server` names the sandbox instead of Telegram's own servers.
state = "{state}"

[telegram]
api_id = {telegram["api_id"]}
api_hash = "{telegram["api_hash"]}"
phone = "{telegram["owner"]["phone"]}"

[telegram.server]
host = "{telegram["host"]}"
port = {telegram["port"]}
dc_id = {telegram["dc_id"]}
public_key = """
{telegram["public_key"].strip()}
"""

[sync]
kinds = ["private", "group"]
requests_per_second = 0

[consent]
default = {{ private = ["store", "learn", "reply"], group = ["store", "learn"] }}  # nobody in a sandbox can be asked

[train]
base = "embedded"
max_minutes = {minutes:g}

[reply]
draft = [{material.draft.user_id}]  # {_comment(material.draft.name)}
auto = [{material.auto.user_id}]  # {_comment(material.auto.name)}
pace = {PACE}
disclosure = "none"
limits = {{ quiet_hours = "", topics = [], likelihood = 0 }}  # at any hour, of all things

[control]
token = "{telegram["control_token"]}"
api_base = "{telegram["api_base"]}"
'''


def _comment(name: str) -> str:
    return " ".join(name.split())
