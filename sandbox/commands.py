"""The sandbox's commands: run a world as a process of its own and say how to reach it; play the demo on one."""

import asyncio
import gc
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sandbox.demo.play import play
from sandbox.errors import SandboxError
from sandbox.people import CONTROL_USERNAME
from sandbox.server import Sandbox
from sandbox.world import API_HASH, API_ID, LOGIN_CODE, World

SHOWN = 20
"""People that are listed; an export may hold thousands."""


@click.group(
    epilog="""\b
Exit codes:
  0    served until Ctrl-C; the demo went well
  1    something in the demo did not happen
  2    usage, or a world that cannot be loaded
  130  interrupted
"""
)
def main() -> None:
    """A Telegram of our own on this machine: real MTProto and Bot API, made-up or exported people.

    Nothing listens beyond 127.0.0.1, nothing is written but what --ready names, and all that is said is forgotten
    when it ends.
    """


@main.command()
@click.option(
    "--world",
    "world_file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="A Telegram Desktop export (result.json) whose people and messages are there when it starts.",
)
@click.option("--owner", help="Whose account it is, such as user1000, where the file does not say.")
@click.option("--port", default=0, show_default="any free", help="Port of MTProto on 127.0.0.1.")
@click.option("--latency", default=0.0, help="Seconds from a request of MTProto to its answer, as over a network.")
@click.option(
    "--ready",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write how to reach it to this file, as JSON, once it serves.",
)
def serve(world_file: Path, owner: str | None, port: int, latency: float, ready: Path | None) -> None:
    """Serve a world until Ctrl-C.

    Prints the address and public key that a client needs, the login code that works for every phone of the world, and
    the token of a control bot. Put them into the configuration:

    \b
      [telegram]
      server = { host = ..., port = ..., dc_id = 2, public_key = ... }
      [control]
      token = ...
      api_base = ...
    """
    world = World.load(world_file, owner)
    world.faults.latency = latency
    gc.freeze()  # what a large export holds stays: to look at it again and again would make every answer wait
    asyncio.run(_serve(world, port, ready))


@main.command()
@click.option(
    "--world",
    "world_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A Telegram Desktop export (result.json) to play on instead of the made-up cast.",
)
@click.option("--owner", help="Whose account it is, such as user1000, where the file does not say.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/demo"),
    show_default=True,
    help="Where configuration, state, logs and report.json go; what an earlier demo left there is replaced.",
)
def demo(world_file: Path | None, owner: str | None, folder: Path) -> None:
    """Show the whole way: sync, training, and a live double.

    Starts a sandbox of its own, and drives the public commands as a person would. Of the three busiest private chats
    the first is in draft mode, the second in auto mode, the third in neither; their friends write lines that were held
    out of the history. Ends with 1 if anything did not truly happen.
    """
    console = Console()
    if not play(world_file, owner, folder.absolute(), console):
        sys.exit(1)


async def _serve(world: World, port: int, ready: Path | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for ending in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(ending, stop.set)
    try:
        async with Sandbox(world, port=port) as sandbox:
            about = describe(sandbox)
            _show(about)
            if ready is not None:
                _write_whole(ready, json.dumps(about, ensure_ascii=False, indent=1))
            await stop.wait()
    except OSError as error:
        raise SandboxError(f"cannot serve: {error}", fix="name another --port or --ready file") from error


def describe(sandbox: Sandbox) -> dict[str, Any]:
    """Everything that a client of this sandbox has to know, as plain values."""
    world = sandbox.world
    token = world.control_token
    owner = world.owner
    return {
        "host": sandbox.host,
        "port": sandbox.port,
        "dc_id": sandbox.dc_id,
        "public_key": sandbox.public_key,
        "api_id": API_ID,
        "api_hash": API_HASH,
        "login_code": LOGIN_CODE,
        "api_base": sandbox.api_base,
        "control_token": token,
        "control_username": CONTROL_USERNAME,
        "owner": {"id": owner.id, "name": owner.name, "phone": owner.phone},
        "people": [
            {
                "id": user.id,
                "name": user.name,
                "phone": user.phone,
                "kind": "bot" if user.bot else "owner" if user.id == owner.id else "person",
            }
            for user in world.users.values()
        ],
    }


def _show(about: dict[str, Any]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    table = Table("id", "name", "phone", "", title="People")
    for person in about["people"][:SHOWN]:
        table.add_row(str(person["id"]), Text(person["name"]), person["phone"], person["kind"])
    console.print(table)
    if len(about["people"]) > SHOWN:
        console.print(f"… and {len(about['people']) - SHOWN} more")
    for key in ("api_id", "api_hash", "login_code", "control_token", "api_base"):
        console.print(Text.assemble((key.replace("_", " "), "bold"), f": {about[key]}"))
    console.print(Text(about["public_key"].strip()))
    console.print(Text(f"MTProto on {about['host']}:{about['port']}, data centre {about['dc_id']}. Ctrl-C ends it."))


def _write_whole(path: Path, text: str) -> None:
    """For the owner's eyes only, since a token is in it, and never half there."""
    scratch = path.with_name(f".{path.name}.partial")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    scratch.replace(path)
