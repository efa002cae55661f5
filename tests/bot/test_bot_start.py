"""A start that Telegram's troubles do not end: the bot says what is the matter, and begins again."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from exporter.errors import ComeBackLater, DoppelgangerError, LoginError, Passing
from exporter.following import running
from exporter.following.running import persevere
from tests.exporter.virtual import Virtual

TROUBLE = (500, "RPC_CALL_FAIL")


@pytest.fixture
def at(at, monkeypatch):
    """It rests only for a moment."""
    monkeypatch.setattr(running, "FIRST_REST", 0.01)
    return at


def said(at, what):
    return [line for line in at.lines if what in line]


async def answers(at):
    """Ready, and alive."""
    at.say(at.person("Boris"), at.owner, "coming?")
    await at.until(lambda: at.from_owner(at.person("Boris")) == ["yes"])


@pytest.mark.parametrize("method", ["users.getUsers", "messages.getDialogs"])
async def test_a_server_in_trouble_is_asked_again(at, method, monkeypatch):
    monkeypatch.setattr("exporter.account.limiter.TRIES", 1)
    at.world.fault(method, error=TROUBLE)
    async with at.running():
        assert len(said(at, "Telegram has trouble of its own; I try again at")) == 1
        await answers(at)


async def test_a_network_that_is_not_there_yet_is_waited_for(at, monkeypatch):
    monkeypatch.setattr("exporter.account.connection.CONNECT_WITHIN", 0.1)
    port = at.sandbox.port
    await at.sandbox.mtproto.close()
    back = asyncio.get_running_loop().call_later(
        0.3, lambda: asyncio.ensure_future(at.sandbox.mtproto.start(at.sandbox.host, port))
    )
    async with at.running():
        assert said(at, "Telegram cannot be reached; I try again at")
        await answers(at)
    back.cancel()


async def test_a_long_wait_for_the_list_of_chats_is_no_reason_not_to_listen(at):
    at.world.fault("messages.getDialogs", error=(420, "FLOOD_WAIT_3600"))
    async with at.running():
        assert said(at, "Telegram asks to wait until")
        await answers(at)


async def test_nothing_is_said_before_the_owner_could_stop_it(at, monkeypatch):
    boris = at.person("Boris")
    async with at.running():
        pass
    at.say(boris, at.owner, "are you there?")
    at.world.calls.clear()
    at.world.fault("messages.getDialogs", delay=0.8)

    async def meanwhile():
        await at.until(lambda: at.calls("messages.getDialogs"))
        at.say(boris, at.owner, "coming?")
        await at.quiet()
        assert at.decisions() == []
        at.say(at.owner, at.owner, "/stop")

    monkeypatch.setattr("bot.running.resume.SAY_AFTER", 0.2)
    early = asyncio.create_task(meanwhile())
    async with at.running():
        await early
        await at.until(at.decisions)
        assert at.lines[0] == "reading what was said while I was off …"
        await at.quiet()
    assert at.from_owner(boris) == [] and at.decisions() == [("draft", "halted")]


async def test_a_connection_that_telegram_ends_for_good_is_made_anew(at):
    at.config = at.config.model_copy(update={"sync": at.config.sync.model_copy(update={"reconcile_seconds": 0.05})})
    async with at.running():
        at.world.fault("*", transport=429)
        await at.until(lambda: said(at, "I try again at"))
        await at.until(lambda: len(said(at, "ready:")) == 2)
        await answers(at)


async def test_what_no_waiting_mends_ends_it(at):
    at.world.revoke(at.owner)
    with pytest.raises(LoginError):
        async with at.running():
            pass


async def test_each_rest_is_longer_and_none_ends_before_telegram_says_so():
    time = Virtual()
    ends = [
        *[Passing("no network", fix="wait")] * 9,
        ComeBackLater("rate limit", fix="wait", until=time.clock.now() + timedelta(hours=1)),
        DoppelgangerError("broken", fix="mend it"),
    ]
    began, lines, told = [], [], []

    async def work():
        began.append(time.seconds)
        raise ends[len(began) - 1]

    with pytest.raises(DoppelgangerError, match="broken"):
        await persevere(work, lines.append, told.append, clock=time.clock)
    rests = [late - early for early, late in pairwise(began)]
    assert [round(rest) for rest in rests[:9]] == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert began[-1] >= 3600 and len(lines) == 10
    assert set(told) == {"WATCHDOG=1"} and len(told) >= 3600 / 30, "whoever waits is alive"
