"""Who lives in the town that a double is soaked in: people in all modes, and those of whom it must keep away."""

import json
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from sandbox.values import Channel, Group, User
from sandbox.world import World
from tests.bot.conftest import LONG_AGO

LETTERS = "abcdefghijklmnopqrstuvwxyz"
TELEGRAM = 777000


class Kind(StrEnum):
    """How the owner stands to a chat."""

    AUTO = "auto"
    DRAFT = "draft"
    AUTO_GROUP = "auto group"
    """Listed under auto; a group is drafted for all the same, and only where the owner is meant."""
    DRAFT_GROUP = "draft group"
    SILENT = "silent"
    """Listed under auto, but without consent."""
    UNLISTED = "unlisted"
    OFF = "off"
    BOT = "bot"
    CHANNEL = "channel"
    TELEGRAM = "telegram"
    DELETED = "deleted"


SPOKEN = frozenset({Kind.AUTO, Kind.DRAFT, Kind.AUTO_GROUP, Kind.DRAFT_GROUP})
"""Where the double may have something to say."""
GROUPS = frozenset({Kind.AUTO_GROUP, Kind.DRAFT_GROUP})


@dataclass(frozen=True, slots=True, eq=False)
class Contact:
    """One chat of the owner's."""

    kind: Kind
    name: str
    word: str
    """Stands in everything that is said here, and nowhere else."""
    peer: User | Group | Channel
    people: tuple[User, ...]
    """Who writes here."""

    @property
    def chat_id(self) -> int:
        """The chat's marked id."""
        return self.peer.key


class Town:
    """A world with an owner and so many contacts."""

    def __init__(self, world: World, chance: Random, contacts: int) -> None:
        self.world, self._chance = world, chance
        self.contacts: list[Contact] = []
        special = [Kind.SILENT, Kind.UNLISTED, Kind.OFF, Kind.BOT, Kind.CHANNEL, Kind.AUTO_GROUP, Kind.DRAFT_GROUP]
        kinds = [Kind.TELEGRAM, Kind.DELETED, *special * max(contacts // 40, 1)][: contacts // 2]
        kinds += [Kind.AUTO if number % 5 < 3 else Kind.DRAFT for number in range(contacts - len(kinds))]
        for number, kind in enumerate(kinds):
            self._settle(kind, number)
        self.by_id = {contact.chat_id: contact for contact in self.contacts}

    def of(self, *kinds: Kind) -> list[Contact]:
        """The contacts of these kinds."""
        return [contact for contact in self.contacts if contact.kind in kinds]

    def listed(self, *kinds: Kind) -> str:
        """Their names as TOML."""
        return json.dumps([contact.name for contact in self.of(*kinds)])

    def _settle(self, kind: Kind, number: int) -> None:
        """The contact, and an hour of history with a hand of the owner's in it."""
        world, owner = self.world, self.world.owner
        name, word = (prefix + "".join(self._chance.sample(LETTERS, 8)) for prefix in ("N", "q"))
        people: tuple[User, ...]
        peer: User | Group | Channel
        if kind is Kind.CHANNEL:
            people = (world.person(f"{name}-writer"),)
            peer = world.supergroup(name, [*people, owner], broadcast=True)
        elif kind in GROUPS:
            people = tuple(world.person(f"{name}-{one}") for one in ("one", "two"))
            peer = world.group(name, [owner, *people])
        elif kind is Kind.BOT:
            peer = world.bot(f"{800_000_000 + number}:{'t' * 35}", f"{name}_bot", name)
            people = (peer,)
        else:
            given = {Kind.TELEGRAM: ("Telegram", TELEGRAM), Kind.DELETED: ("Deleted account", None)}
            shown, user_id = given.get(kind, (name, None))
            peer = world.person(shown, user_id=user_id)
            people = (peer,)
        self.contacts.append(Contact(kind, name, word, peer, people))
        receiver = owner if isinstance(peer, User) else peer
        for minute in range(4):
            world.say(people[0], receiver, f"{word} long ago {minute}", date=LONG_AGO + 120 * minute, silent=True)
            if kind is not Kind.CHANNEL:
                world.say(owner, peer, f"{word} yes {minute}", date=LONG_AGO + 120 * minute + 9, silent=True)
