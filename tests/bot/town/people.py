"""What people do in the town: contacts write in bursts, think again and take back; the owner does as owners do.

All of it happens in the world, as on other people's phones, or in the history file, as by another process.
"""

import asyncio
import itertools
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from random import Random

from bot.sending.stops import ACCOUNT, Stops
from exporter.rights.consent import Ledger
from exporter.settings.config import Config
from exporter.storing.store import Store
from sandbox.values import Message, User
from tests.bot.town.marks import proposals_of
from tests.bot.town.town import GROUPS, SPOKEN, Contact, Kind, Town
from tests.bot.town.truth import Ban, Choice, Truth

WORDS = ["river", "table", "lantern", "garden", "window", "morning", "paper", "bridge", "copper", "ladder", "winter",
         "basket", "thunder", "pillow", "marble", "needle", "harbour", "saddle", "velvet", "orchard", "candle",
         "feather", "island", "mirror", "pebble", "ribbon", "shadow", "timber", "walnut", "yellow"]  # fmt: skip
BURST = (1, 1, 2, 3, 4, 6)
"""Messages of a burst."""
utc_now = partial(datetime.now, UTC)


@dataclass
class Contacts:
    """Those who write."""

    town: Town
    truth: Truth
    chance: Random
    said: int = 0
    did: Counter[str] = field(default_factory=Counter)
    _numbers: itertools.count = field(default_factory=lambda: itertools.count(1))

    async def run(self, messages: int, seconds: float) -> None:
        """All of them, until so many messages are said in about so much time."""
        each = seconds * len(self.town.contacts) * (sum(BURST) / len(BURST)) / messages
        writing = [asyncio.create_task(self._write(contact, each)) for contact in self.town.contacts]
        try:
            while self.said < messages:
                for task in writing:
                    if task.done():
                        task.result()
                await asyncio.sleep(0.05)
        finally:
            for task in writing:
                task.cancel()
            await asyncio.gather(*writing, return_exceptions=True)

    async def _write(self, contact: Contact, each: float) -> None:
        """One burst in so many seconds, for ever."""
        while True:
            await asyncio.sleep(self.chance.expovariate(1 / each))
            await self._burst(contact)

    async def _burst(self, contact: Contact) -> None:
        writer = self.chance.choice(contact.people)
        for number in range(self.chance.choice(BURST)):
            if number:
                await asyncio.sleep(self.chance.expovariate(1 / 0.2))
            if contact.kind is not Kind.CHANNEL and self.chance.random() < 0.3:
                self.town.world.type(writer, self._receiver(contact))
                await asyncio.sleep(self.chance.uniform(0, 0.2))
            message = self.say(contact, writer)
            if self.chance.random() < 0.08:
                await asyncio.sleep(self.chance.expovariate(1 / 0.5))
                self._think_again(contact, message)

    def say(self, contact: Contact, writer: User) -> Message:
        """One message of a contact's."""
        self.said += 1
        text = self._text(contact)
        if contact.kind in GROUPS and self.chance.random() < 0.4:
            text = f"@{self.town.world.owner.username} {text}"
        return self.town.world.say(writer, self._receiver(contact), text)

    def _text(self, contact: Contact) -> str:
        words = " ".join(self.chance.choices(WORDS, k=self.chance.randint(2, 9)))
        return f"{words} {contact.word} m{next(self._numbers)}"

    def _think_again(self, contact: Contact, message: Message) -> None:
        world = self.town.world
        if not message.stands:
            return
        if self.chance.random() < 0.6:
            self.did["edits"] += 1
            world.edit(message, self._text(contact))
        else:
            self.did["deletions"] += 1
            world.delete(message)

    def _receiver(self, contact: Contact) -> object:
        return self.town.world.owner if isinstance(contact.peer, User) else contact.peer


@dataclass
class Owner:
    """The owner, on his other devices and at his terminal."""

    town: Town
    truth: Truth
    chance: Random
    store: Store
    config: Config
    did: Counter[str] = field(default_factory=Counter)
    _waiting: set[asyncio.Task[None]] = field(default_factory=set)
    _numbers: itertools.count = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self._stops = Stops(self.store, self.config.stop_file, utc_now)
        self._ledger = Ledger(self.store.database, self.config.consent)
        self._seen: set[Message] = set()
        self.truth.on_card.append(self._notice)

    async def run(self, every: float) -> None:
        """Something in so many seconds, for ever."""
        often, sometimes = [self._write, self._read], [self._stop_one, self._revoke]
        doings = [*often * 8, *sometimes * 3, self._look, self._look, self._stop_all, self._switch_off]
        async with asyncio.TaskGroup() as tasks:
            while True:
                await asyncio.sleep(self.chance.expovariate(1 / every))
                tasks.create_task(self.chance.choice(doings)())

    def settle(self) -> None:
        """Whatever he forbade is allowed again; his phone is put away."""
        for task in self._waiting:
            task.cancel()
        self._stops.lift(ACCOUNT)
        self.config.stop_file.unlink(missing_ok=True)
        peers = self.store.peers()
        for contact in self.town.of(*SPOKEN):
            self._ledger.grant(peers[contact.chat_id], ["reply"], utc_now())
        for ban in self.truth.bans:
            ban.end = min(ban.end, self.truth.now())
        self.town.world.come_online(self.town.world.owner, False)

    async def _write(self) -> None:
        """A word of his own in somebody's chat."""
        contact = self.chance.choice(self.town.of(*SPOKEN, Kind.UNLISTED, Kind.SILENT))
        self.did["own words"] += 1
        self.town.world.say(self.town.world.owner, contact.peer, f"{contact.word} myself {next(self._numbers)}")

    async def _read(self) -> None:
        self.did["reads"] += 1
        self.town.world.read(self.town.world.owner, self.chance.choice(self.town.of(*SPOKEN)).peer)

    async def _look(self) -> None:
        """He has his phone in his hand, for a moment."""
        self.did["online"] += 1
        self.town.world.come_online(self.town.world.owner)
        await asyncio.sleep(self.chance.uniform(0.2, 1))
        self.town.world.come_online(self.town.world.owner, False)

    async def _stop_one(self) -> None:
        await self._stopped(self.chance.choice(self.town.of(*SPOKEN)).chat_id, self.chance.uniform(1, 10))

    async def _stop_all(self) -> None:
        await self._stopped(ACCOUNT, self.chance.uniform(0.5, 2))

    async def _stopped(self, chat_id: int, seconds: float) -> None:
        """`python -m bot stop`, and `resume` later."""
        self.did["stops"] += 1
        self._stops.stop(chat_id)
        ban = Ban(chat_id, self.truth.now())
        self.truth.bans.append(ban)
        await asyncio.sleep(seconds)
        for other in self.truth.bans:  # to lift the stop of all lifts every one; of one, that of this chat
            if chat_id in (ACCOUNT, other.chat_id) and not other.lasts:
                other.end = min(other.end, self.truth.now())
        self._stops.lift(chat_id)

    async def _switch_off(self) -> None:
        """The file that stops everything as long as it lies there."""
        if self.config.stop_file.exists():
            return
        self.did["stops"] += 1
        self.config.stop_file.touch(mode=0o600)
        ban = Ban(ACCOUNT, self.truth.now(), lasts=True)
        self.truth.bans.append(ban)
        await asyncio.sleep(self.chance.uniform(0.5, 2))
        self.config.stop_file.unlink(missing_ok=True)
        ban.end = self.truth.now()

    async def _revoke(self) -> None:
        """Somebody agrees no longer, and does again later."""
        self.did["revocations"] += 1
        contact = self.chance.choice(self.town.of(*SPOKEN))
        peer = self.store.peers()[contact.chat_id]
        self._ledger.revoke(peer, ["reply"], utc_now())
        ban = Ban(contact.chat_id, self.truth.now(), lasts=True)
        self.truth.bans.append(ban)
        await asyncio.sleep(self.chance.uniform(2, 10))
        for other in self.truth.bans:
            if other.chat_id == contact.chat_id and other.lasts:
                other.end = min(other.end, self.truth.now())
        self._ledger.grant(peer, ["reply"], utc_now())

    def _notice(self, card: Message) -> None:
        """A card came: some he answers, some he does not."""
        offers = frozenset(proposals_of(card.text).values())
        if not offers or card in self._seen or self.chance.random() < 0.3:
            return
        self._seen.add(card)
        task = asyncio.get_running_loop().create_task(self._answer(card))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _answer(self, card: Message) -> None:
        await asyncio.sleep(self.chance.expovariate(1 / 2.0))
        self._seen.discard(card)
        self._choose(card)
        if self.chance.random() < 0.2:  # he taps again, perhaps on another device
            await asyncio.sleep(self.chance.uniform(0, 0.05))
            self._choose(card)

    def _choose(self, card: Message) -> None:
        now, world, owner = self.truth.now(), self.town.world, self.town.world.owner
        reply = self.chance.choice(("+", "+", "👍", "1", "2", "3", "2", "-", "words"))
        number = {"+": 1, "👍": 1, "-": 0, "words": 0}.get(reply) if not reply.isdecimal() else int(reply)
        if reply == "words":
            reply = f"my own words {next(self._numbers)}"
        shown = [(at, proposals_of(text)) for at, text in self.truth.cards[card]]
        meant = {one[number] for at, one in shown if number in one}
        offered = frozenset(one for _, proposals in shown for one in proposals.values())
        words = None if number or reply == "-" else reply
        self.did["choices"] += 1
        self.truth.choices.append(Choice(now, frozenset(meant), offered, words))
        world.say(owner, owner, reply, reply_to=card)
