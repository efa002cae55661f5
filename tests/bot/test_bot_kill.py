"""The bot as a process: killed between Telegram's taking a message and our knowing it, then started again."""

import asyncio
import json
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sandbox.events import NewMessage
from tests.bot.bigram import write_artifact

ROOT = Path(__file__).resolve().parents[2]


@asynccontextmanager
async def a_bot(at, *options):
    """`python -m bot run`, once it says that it is ready."""
    arguments = ("-m", "bot", "run", "--config", str(at.config.state.parent / "config.toml"), *options)
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(60):
            line = await process.stdout.readline()
        if b"ready" not in line:
            pytest.fail((await process.stderr.read()).decode())
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ended(process, number):
    process.send_signal(number)
    _, err = await process.communicate()
    return process.returncode, err.decode()


async def test_acceptance_27_a_kill_right_after_telegram_took_a_message_sends_it_exactly_once(at):
    write_artifact(at.config.models, [("yes",)], owner="Olive")
    boris = at.person("Boris")
    async with a_bot(at) as process:

        def kill(event, pts, origin):
            if isinstance(event, NewMessage) and event.message.sender is at.owner:
                os.kill(process.pid, signal.SIGKILL)

        unsubscribe = at.world.subscribe(boris, kill)
        at.say(boris, at.owner, "coming?")
        assert await process.wait() == -signal.SIGKILL
        unsubscribe()
    assert at.from_owner(boris) == ["yes"]
    assert at.states() == [("yes", "sending")]
    async with a_bot(at) as process:
        assert at.states() == [("yes", "sent")]
        await at.quiet()
        code, err = await ended(process, signal.SIGTERM)
    assert code == 0 and "Traceback" not in err
    assert at.from_owner(boris) == ["yes"]


KILLED_AT = {
    "queued": ("messages.setTyping", 1, "before"),
    "asked": ("messages.sendMessage", 2, "before"),
    "taken": ("messages.sendMessage", 2, "after"),
    "between two messages": ("messages.setTyping", 2, "before"),
    "known": ("messages.editMessage", 1, "before"),
}
"""Moments in the life of what the owner chose: which call, counted from one, and where it loses its connection. The
first message that is sent is the card."""


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("moment", KILLED_AT)
async def test_acceptance_27_a_kill_at_any_moment_after_the_choice_leaves_each_message_exactly_once(at, moment):
    write_artifact(at.config.models, [("sure", "soon")], owner="Olive")
    anna = at.person("Anna")
    method, number, drop = KILLED_AT[moment]
    at.world.fault(method, after=number - 1, drop=drop)
    async with a_bot(at) as process:
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(at.saved, seconds=60)
        at.say(at.owner, at.owner, "+", reply_to=card)
        await at.until(lambda: len(at.calls(method)) == number, seconds=60)
        process.kill()
        await process.wait()
    before = at.from_owner(anna)
    async with a_bot(at) as process:
        await at.quiet(1)
        await ended(process, signal.SIGTERM)
    assert at.from_owner(anna) == ["sure", "soon"], f"{before} had arrived"
    assert at.states() == [("sure", "sent"), ("soon", "sent")]


async def test_acceptance_39_one_process_has_the_account_ctrl_c_ends_it_and_its_log_holds_nobodys_words(at):
    write_artifact(at.config.models, [("yes",)], owner="Olive")
    anna = at.person("Anna")
    async with a_bot(at, "--log-format", "json", "--verbose") as process:
        at.say(anna, at.owner, "a canary in the coal mine")
        await at.until(at.saved)
        with pytest.raises(pytest.fail.Exception, match="in use by process"):
            async with a_bot(at):
                pass
        code, err = await ended(process, signal.SIGINT)
    assert code == 130
    events = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    assert "Traceback" not in err and "draft.ready" in {event["event"] for event in events}
    assert "canary" not in err and "yes" not in err.replace("eyes", "")
    files = [path for path in at.config.state.rglob("*") if path.is_file() and "models" not in path.parts]
    assert files and all(path.stat().st_mode & 0o077 == 0 for path in files)
