"""The public commands as processes, as a person would start them. It knows nothing of what they do."""

import asyncio
import json
import re
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = dict[str, Any]
FIELD = re.compile(r"(\w+)=(\S+)")


class CommandFailed(Exception):
    """A command ended with another code than 0, or did not start to serve."""


def python(module: str, *arguments: str | Path) -> list[str]:
    """The command line of one of our modules, in this interpreter."""
    return [sys.executable, "-m", module, *map(str, arguments)]


async def call(*command: str, answers: str = "") -> str:
    """Run a command to its end and return its stdout; `answers` is its stdin, its progress goes to our stderr."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        output, _ = await process.communicate(answers.encode())
    except asyncio.CancelledError:
        await _end(process)
        raise
    if process.returncode:
        raise CommandFailed(f"`python {' '.join(command[1:])}` ended with {process.returncode}")
    return output.decode()


async def call_json(*command: str) -> Any:
    """Run a command whose last line of stdout is JSON."""
    return json.loads((await call(*command)).strip().splitlines()[-1])


@dataclass
class Events:
    """What a running command logged: its event lines, as (name, fields), while they come; and what it said."""

    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    """The lines of its stdout."""

    def of(self, name: str) -> list[dict[str, str]]:
        """The fields of each event of that name so far."""
        return [fields for event, fields in self.seen if event == name]

    def add(self, line: str) -> None:
        """Read a line `date time LEVEL logger event key=value …`; any other line is no event."""
        words = line.split()
        if len(words) > 4 and words[2].isupper():
            self.seen.append((words[4], dict(FIELD.findall(line))))


@asynccontextmanager
async def running(*command: str, log: Path) -> AsyncIterator[Events]:
    """Keep a command running meanwhile, its stderr in `log`; end it with the signal that Ctrl-C sends."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    events = Events()
    follow = asyncio.gather(_follow(process, events, log), _listen(process, events))
    try:
        yield events
    finally:
        await _end(process)
        await follow


async def until(arrived: Any, what: str, *, seconds: float) -> None:
    """Wait until `arrived()` holds; CommandFailed if it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not arrived():
        if time.monotonic() > deadline:
            raise CommandFailed(f"{what} took longer than {seconds:g} s")
        await asyncio.sleep(0.05)


async def _follow(process: asyncio.subprocess.Process, events: Events, log: Path) -> None:
    stderr = process.stderr
    if stderr is None:
        return
    with log.open("w", encoding="utf-8") as file:
        async for line in stderr:
            text = line.decode(errors="replace").rstrip()
            file.write(text + "\n")
            file.flush()
            events.add(text)


async def _listen(process: asyncio.subprocess.Process, events: Events) -> None:
    if process.stdout is not None:
        async for line in process.stdout:
            events.said.append(line.decode(errors="replace").rstrip())


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        await asyncio.wait_for(process.wait(), timeout=15)
    except TimeoutError:
        process.kill()
        await process.wait()
