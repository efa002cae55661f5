"""The order of the play: sandbox, login, sync, training, comparison, live scenes, report."""

import asyncio
import json
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.rule import Rule
from rich.syntax import Syntax

from sandbox.demo import report, scenes
from sandbox.demo.commands import CommandFailed, Events, call, call_json, python, running, until
from sandbox.demo.material import Material, prepare
from sandbox.demo.phone import NothingCame, Phone, phone
from sandbox.demo.report import Findings
from sandbox.demo.setting import config
from sandbox.errors import SandboxError

Json = dict[str, Any]

CAST = Path(__file__).resolve().parents[1] / "cast" / "result.json"
CAST_MINUTES = 1.6
"""Of training: fits the demo on the made-up cast into 4 minutes on 2 cores."""
EXPORT_MINUTES = 3.5
"""Fits it into 6 minutes on a real person's export."""
SAMPLES = 4
CODE = re.compile(r"/start \w+")
"""What the bot's terminal asks the owner to send."""
WORLD = "world.json"
"""The export without what is played live; also what tells a demo's folder from any other."""


def play(export: Path | None, owner: str | None, folder: Path, console: Console) -> bool:
    """Play everything in `folder`, show it, write report.json there, and return whether all of it truly happened.

    Raises:
        SandboxError: the export does not give what the play needs, or `folder` is somebody else's.
    """
    material = prepare(export or CAST, owner)
    _make_fresh(folder)
    found = Findings()
    try:
        minutes = EXPORT_MINUTES if export else CAST_MINUTES
        asyncio.run(_acts(material, minutes, folder, found, console))
    except (CommandFailed, NothingCame, TimeoutError) as error:
        found.problem = str(error)
    ok = report.write(found, folder / "report.json")
    console.print(Rule("What happened"))
    report.show(found, console)
    console.print(str(folder / "report.json"), soft_wrap=True, highlight=False)
    return ok


def _make_fresh(folder: Path) -> None:
    """Take away what an earlier demo left, and nothing else."""
    if folder.exists() and any(folder.iterdir()) and not (folder / WORLD).exists():
        raise SandboxError(f"{folder} holds something else than a demo", fix="name another --folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)


async def _acts(material: Material, minutes: float, folder: Path, found: Findings, console: Console) -> None:
    async with AsyncExitStack() as stack:
        with _stage("sandbox", found, console):
            telegram = await _serve(stack, material, folder)
        settings = folder / "config.toml"
        settings.write_text(config(telegram, material, folder / "state", minutes), "utf-8")
        console.print(Syntax(settings.read_text("utf-8"), "toml", word_wrap=True))
        with _stage("login", found, console):
            await call(*python("exporter", "login", "--config", settings), answers=f"{telegram['login_code']}\n")
            console.print(telegram["login_code"])
        with _stage("sync", found, console):
            found.sync = await call_json(*python("exporter", "sync", "--config", settings, "--json"))
        with _stage("train", found, console):
            found.train = await call_json(*python("trainer", "run", "--config", settings, "--json"))
        with _stage("compare", found, console):
            found.samples = await call_json(
                *python("bot", "compare", "--config", settings, "--count", str(SAMPLES), "--json")
            )
        with _stage("live", found, console):
            await _live(telegram, material, settings, folder, found)


async def _serve(stack: AsyncExitStack, material: Material, folder: Path) -> Json:
    """Start the sandbox as its own process, and return what it tells of itself."""
    world, ready = folder / WORLD, folder / "sandbox.json"
    world.write_text(json.dumps(material.world, ensure_ascii=False), "utf-8")
    arguments = ("serve", "--world", world, "--owner", f"user{material.owner_id}", "--ready", ready)
    await stack.enter_async_context(running(*python("sandbox", *arguments), log=folder / "sandbox.log"))
    await until(ready.exists, "starting the sandbox", seconds=30)
    telegram: Json = json.loads(ready.read_text("utf-8"))
    return telegram


async def _live(telegram: Json, material: Material, settings: Path, folder: Path, found: Findings) -> None:
    """The bot runs; the friends and the owner take their phones."""
    async with AsyncExitStack() as stack:
        owner, draft, auto, unlisted = [
            await stack.enter_async_context(phone(telegram, user_id))
            for user_id in (
                material.owner_id,
                material.draft.user_id,
                material.auto.user_id,
                material.unlisted.user_id,
            )
        ]
        found.events = await stack.enter_async_context(
            running(*python("bot", "run", "--config", settings), log=folder / "bot.log")
        )
        await until(lambda: found.events.of("bot.ready"), "starting the bot", seconds=240)
        await _link(owner, telegram["control_username"], found.events)
        await until(lambda: found.events.of("sampler.chosen"), "fitting the model to its owner", seconds=240)
        await scenes.unlisted(unlisted, material)
        found.by_reply = await scenes.draft_by_reply(owner, draft, material)
        found.by_button = await scenes.draft_by_button(owner, draft, material, telegram["control_username"])
        found.auto = await scenes.automatic(auto, material)
        found.unlisted = scenes.left_alone(unlisted, material)


async def _link(owner: Phone, control: str, events: Events) -> None:
    """The owner sends the control bot the code that the bot's terminal shows."""

    def shown() -> str:
        return next((found[0] for line in events.said if (found := CODE.search(line))), "")

    await until(shown, "the code of the control bot", seconds=30)
    await owner.client.send_message(control, shown())
    await until(lambda: events.of("control.linked"), "linking the control bot", seconds=30)


@contextmanager
def _stage(name: str, found: Findings, console: Console) -> Iterator[None]:
    console.print(Rule(name))
    began = time.monotonic()
    yield
    found.stages.append({"name": name, "seconds": round(time.monotonic() - began, 2)})
