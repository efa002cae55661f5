"""What the bot keeps in mind of a chat is what a fresh look at the store would find, whatever happened to it since."""

import asyncio
import gc
import time
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from bot import conversation
from bot.composing.past import PAGE, Past
from exporter.messages import Message, Peer, PeerKind
from exporter.storing.stamp import stamp
from exporter.storing.store import open_store
from trainer.reading.conversations import Views, conversations
from trainer.reading.dialogue import Turn
from trainer.reading.memory import Episode, Memory
from trainer.reading.prompt import PromptSpec

ANN, BEN, EVE = Peer(1, PeerKind.SELF, "Ann"), Peer(5, PeerKind.USER, "Ben"), Peer(6, PeerKind.USER, "Eve")
VIEWS = Views(ANN, {5: timedelta(hours=1)}, UTC, "RU", {})
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
SPEC = PromptSpec(length=4096)
WORDS = ("zebra", "paint", "kitchen", "lamp", "river", "bread", "concert", "ticket", "winter", "garden", "doctor")


class Letters:
    """A tokenizer of no model."""

    def text(self, value):
        return list(value.encode())

    def control(self, name):
        return 256 + zlib.crc32(name.encode())


def said(number, text, *, own=False, hours=0.0, **more):
    return Message(5, number, 1 if own else 5, BEGIN + timedelta(hours=hours), own, text, **more)


def exchange(number, word):
    """Ben asks of something, Ann answers, a day for each."""
    return [
        said(2 * number, f"what of the {word}?", hours=24 * number),
        said(2 * number + 1, f"the {word} is {number}", own=True, hours=24 * number + 0.1),
    ]


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "store.db") as store:
        store.save_peers([ANN, BEN, EVE])
        yield store


@pytest.fixture
def past(store):
    return Past(store, VIEWS.of(BEN))


def recalled(memory):
    """What comes to mind at each of the words, on some days."""
    cues = [Turn("Ben", False, (word,)) for word in WORDS]
    days = [BEGIN + timedelta(days=day) for day in (10, 30, 50, 90, 2000)]
    return [memory.recall(SPEC, Letters(), cue, before=at, now=at) for cue in cues for at in days]


def kept(past):
    return recalled(asyncio.run(past.memory()))


def fresh(store):
    return recalled(Memory(conversations(store, [BEN], VIEWS)))


def something_happens(store, chance, step):
    """A new exchange, or an old one that comes in late; an edit, a deletion, the end of a message, or a new name."""
    one, word, at = chance.randrange(1, 60), chance.choice(WORDS), BEGIN + timedelta(days=100, seconds=step)
    match chance.randrange(6):
        case 0:
            store.add(exchange(60 + step, word))
        case 1:
            store.add(exchange(one, WORDS[one % 11]))
        case 2:
            store.add(replace(message, edited_at=at) for message in exchange(one, word))
        case 3:
            store.delete(5, [2 * one, 2 * one + 1], at)
        case 4:
            store.add([replace(exchange(one, word)[0], expires_at=at, edited_at=at)])
            store.expire(at)
        case 5:
            store.save_peers([replace(BEN, name=chance.choice(["Ben", "Benny"]))])


@pytest.mark.parametrize("seed", [1, 2])
def test_it_knows_what_the_store_knows_whatever_happens(store, past, seed):
    chance, changed = Random(seed), 0  # noqa: S311 - no secret
    store.add(message for one in range(0, 60, 2) for message in exchange(one, WORDS[one % 11]))
    before = kept(past)
    for step in range(30):
        something_happens(store, chance, step)
        now = kept(past)
        assert now == fresh(store)
        before, changed = now, changed + (now != before)
    assert changed > 10


def test_what_is_new_is_all_that_is_read_again_and_nothing_waits_for_a_long_chat(store, past):
    store.add(message for one in range(PAGE * 2) for message in exchange(one, WORDS[one % 11]))

    async def beside() -> int:
        reading, beats = asyncio.create_task(past.memory()), 0
        while not reading.done():
            await asyncio.sleep(0)
            beats += 1
        return beats

    assert asyncio.run(beside()) > 4, "others go on between its pages"
    before = asyncio.run(past.memory())
    store.add([*exchange(PAGE * 2, "zebra"), *exchange(PAGE * 2 + 1, "paint")])
    asked = []
    store.database.conn.set_trace_callback(lambda statement: asked.append(statement))
    assert asyncio.run(past.memory()) is before
    store.database.conn.set_trace_callback(None)
    assert sum("order by sent_at" in statement for statement in asked) == 1
    assert kept(past) == fresh(store)


def test_a_session_longer_than_a_page_is_one(store, past):
    store.add(said(n, f"the zebra {n}", own=bool(n % 2), hours=n / 100) for n in range(1, PAGE * 3))
    assert kept(past) == fresh(store)
    store.add(exchange(1000, "paint"))
    assert kept(past) == fresh(store)


def test_it_holds_nothing_of_other_chats_and_lets_go_of_all(store, past):
    store.add(message for one in range(30) for message in exchange(one, WORDS[one % 11]))
    store.add(replace(one, chat_id=6, text=f"{one.text} CANARY", message_id=900) for one in exchange(1, "zebra"))
    assert "CANARY" not in str(kept(past)) and any(kept(past))
    past.let_go()
    assert not any(recalled(past._memory)) and "zebra" not in str(vars(past))


def test_a_stamp_changes_with_what_was_said_before_and_with_nothing_else(store):
    store.add(message for one in range(10) for message in exchange(one, "zebra"))
    border = BEGIN + timedelta(days=5)
    stamps = [stamp(store, 5, before=border)]
    store.add([*exchange(30, "paint"), *(replace(one, chat_id=6) for one in exchange(2, "paint"))])
    store.add([replace(exchange(9, "paint")[0], edited_at=BEGIN)])
    store.delete(5, [19], BEGIN)
    assert stamp(store, 5, before=border) == stamps[0]
    for change in (
        lambda: store.add([said(1000, "late", hours=3)]),
        lambda: store.delete(5, [1000], BEGIN),
        lambda: store.add([replace(exchange(2, "paint")[0], edited_at=BEGIN + timedelta(days=9))]),
        lambda: store.add([replace(exchange(3, "paint")[0], expires_at=BEGIN)]) and store.expire(BEGIN),
    ):
        change()
        stamps.append(stamp(store, 5, before=border))
    assert len(set(stamps)) == len(stamps)


async def test_of_a_chat_that_has_been_quiet_for_long_nothing_is_kept_in_mind(at, monkeypatch):
    """Else a bot that runs for months holds every message of every chat."""

    def in_mind():
        return [one for one in gc.get_objects() if isinstance(one, Episode)]

    monkeypatch.setattr(conversation, "QUIET", 1.0)
    anna, before = at.person("Anna"), len(in_mind())
    async with at.running() as drafts:
        at.say(anna, at.owner, "coming?")
        await at.until(lambda: drafts.open_in(anna.id))
        assert len(in_mind()) == before + 1
        await at.until(lambda: len(in_mind()) == before)
        at.say(anna, at.owner, "hello?")
        await at.until(lambda: len(at.script.prompts) == 2)
        await at.until(lambda: len(in_mind()) == before + 1)
        await at.until(lambda: len(in_mind()) == before)
        (card,) = at.saved()
        at.say(at.owner, at.owner, "?", reply_to=card, date=time.time() + 5)  # after it was read
        await at.until(lambda: len(at.script.prompts) > 2)
        await at.until(lambda: len(in_mind()) == before + 1)
        await at.until(lambda: len(in_mind()) == before)
