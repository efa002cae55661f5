"""kill -9 of `python -m bot run` at twenty moments, while a friend in auto mode writes."""

import asyncio
import contextlib
import itertools
import random
import signal
import sqlite3

import pytest

from tests.bot.bigram import write_artifact
from tests.bot.test_bot_kill import a_bot, ended

REPLIES = (("yes",), ("sure", "soon"), ("okay then",))
KILLS = 20
LONGEST = 1.0
"""Seconds after a message at which the last kills come."""
OPEN = "select 1 from outbox where state in ('queued', 'sending', 'unknown')"
HANDLED = "select 1 from handled where chat_id = ? and message_id >= ?"
DRAFTED = "select 1 from draft where chat_id = ? and answers_to = ? and state = 'open'"


def found(at, query, *values):
    with contextlib.closing(sqlite3.connect(at.config.database)) as database:
        return database.execute(query, values).fetchall()


def answers(at, friend):
    """What the owner said after each message of the friend's."""
    bursts = []
    for message in at.chat(at.owner, friend):
        if message.sender.id == friend.id:
            bursts.append(())
        else:
            bursts[-1] += (message.text,)
    return bursts


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("more_limits", ['quiet_hours = "", topics = [], likelihood = 0, in_a_row = 100'])
async def test_twenty_kills_send_nothing_twice_and_forget_no_message(at, record_property):
    write_artifact(at.config.models, REPLIES, owner="Olive")
    boris, chance = at.person("Boris"), random.Random(1)  # noqa: S311 - the same moments every time
    for number in range(KILLS):
        async with a_bot(at) as process:
            at.say(boris, at.owner, f"question {number}")
            await asyncio.sleep(LONGEST * chance.random())
            process.kill()
            await process.wait()
    async with a_bot(at) as process:
        ((last,),) = found(at, "select max(message_id) from messages where chat_id = ? and not outgoing", boris.id)
        await at.until(lambda: found(at, HANDLED, boris.id, last) and not found(at, OPEN), seconds=30)
        code, err = await ended(process, signal.SIGTERM)
    assert code == 0 and "Traceback" not in err
    bursts = answers(at, boris)
    assert len(bursts) == KILLS
    begun = {reply[:length] for reply in REPLIES for length in range(len(reply) + 1)}
    assert set(bursts) <= begun, "an answer came twice, or two came to one message"
    assert bursts[-1] or found(at, DRAFTED, boris.id, last)
    assert [text for text, state in at.states() if state == "sent"] == list(itertools.chain(*bursts))
    answered = sum(map(bool, bursts))
    record_property("answered", answered)
    assert 3 <= answered <= KILLS - 3, "the kills came too early or too late to say anything"
