"""How a chat is read, in training and by the bot alike; and all the conversations that a store holds.

It knows the store and the owner's settings, and nothing of tokens.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

from exporter.errors import ConfigError, DoppelgangerError
from exporter.messages import Message, Peer, PeerKind
from exporter.progress import Count, uncounted
from exporter.rights.consent import Ledger, how_to_grant
from exporter.settings.config import Config, Train
from exporter.settings.section import Contact
from exporter.settings.selection import resolve_contact
from exporter.storing import ghostwritten
from exporter.storing.store import Store
from trainer.reading.dialogue import Session, Turn, bursts, sessions, told, turn
from trainer.reading.gaps import learn_gap, typical
from trainer.reading.marks import HOUR, mark
from trainer.reading.prompt import Scene
from trainer.reading.redact import Redactor

KINDS = frozenset({PeerKind.USER, PeerKind.GROUP})
"""Chats with people. Saved Messages are the desk of the double itself, and bots are given commands."""


class TooLittle(DoppelgangerError):
    """The owner has not written enough to learn from."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One session of one chat, as turns."""

    chat_id: int
    scene: Scene
    turns: tuple[Turn, ...]
    times: tuple[datetime, ...]
    """When each turn began."""
    ends: tuple[datetime, ...]
    """When each turn's last message was sent."""

    @property
    def began(self) -> datetime:
        """When its first message was sent."""
        return self.times[0]

    def before(self, moment: datetime) -> "Conversation":
        """What of it was over by then; perhaps nothing."""
        count = sum(end < moment for end in self.ends)
        return replace(self, turns=self.turns[:count], times=self.times[:count], ends=self.ends[:count])


@dataclass(frozen=True, slots=True)
class View:
    """How one chat is read."""

    owner: Peer
    chat: Peer
    gap: timedelta
    """The silence that ends a session."""
    zone: tzinfo
    """The owner's."""
    region: str | None
    """Whose telephone numbers are known as they are dialled at home."""
    relation: str = ""
    speaker: Peer | None = None
    """Whose double reads it, and whose words are called its own; None: the owner's."""

    @property
    def scene(self) -> Scene:
        """Who talks with whom."""
        return self._scene(Redactor(self.region))

    def sessions(self, messages: Iterable[Message]) -> Iterator[Session]:
        """The chat's sessions, oldest first."""
        return sessions(messages, gap=self.gap, private=self.chat.kind is not PeerKind.GROUP)

    def mark(self, before: datetime | None, at: datetime) -> str:
        """What is told of the time when somebody speaks at `at`, and what was said last ended at `before`."""
        return mark(before, at, quiet=min(self.gap, HOUR), zone=self.zone)

    def conversation(
        self, session: Session, names: Mapping[int, str], foreign: Collection[ghostwritten.Key]
    ) -> Conversation:
        """A session as turns, without secrets; `foreign` are the messages whose words are a model's."""
        redactor = Redactor(self.region)
        scene = self._scene(redactor)
        said = tuple(bursts(session, quiet=min(self.gap, HOUR), foreign=foreign))
        times, ends = tuple(one[0].sent_at for one in said), tuple(one[-1].sent_at for one in said)
        marks = map(self.mark, (None, *ends), times)
        others = {one.sender_id: self._apart(names[one.sender_id]) for one in session if one.sender_id in names}
        turns = (
            replace(turn(burst, others, owner=self.owner.name, foreign=foreign, mark=mark), own=self._own(burst[0]))
            for burst, mark in zip(said, marks, strict=False)
        )
        return Conversation(self.chat.peer_id, scene, redactor.turns(turns), times, ends)

    def _scene(self, redactor: Redactor) -> Scene:
        group = self.chat.kind is PeerKind.GROUP
        chat = self._apart(self.chat.name)
        if self.speaker:
            return redactor.scene(
                Scene(self._apart(self.speaker.name), chat if group else self.owner.name, group=group)
            )
        return redactor.scene(Scene(self.owner.name, chat, group=group, relation=self.relation))

    def _apart(self, name: str) -> str:
        """Another one's name; where it is the owner's as well, nobody could tell who says what."""
        return f"{name} 2" if name.split() == self.owner.name.split() else name

    def _own(self, message: Message) -> bool:
        return message.sender_id == self.speaker.peer_id if self.speaker else message.outgoing


@dataclass(frozen=True, slots=True)
class Views:
    """How every chat is read."""

    owner: Peer
    gaps: Mapping[int, timedelta]
    """By chat."""
    zone: tzinfo
    region: str | None
    relations: Mapping[int, str]
    """By peer id."""
    speaker: Peer | None = None
    """Whose double reads; None: the owner's."""

    def of(self, chat: Peer) -> View:
        """One chat's. Where nobody knows its gap, the one that is usual in the others is taken."""
        gap = self.gaps.get(chat.peer_id) or typical(tuple(self.gaps.values()))
        relation = self.relations.get(chat.peer_id, "")
        return View(self.owner, chat, gap, self.zone, self.region, relation, self.speaker)


def views(
    store: Store,
    config: Config,
    gaps: Mapping[int, timedelta],
    *,
    region: str | None,
    speaker: Contact | None = None,
) -> Views:
    """How the chats of a store are read, with these gaps, by the owner's double or by that of `speaker`.

    Telephone numbers are hidden as they are dialled in `region`, which a model's card has as it has the gaps.

    Raises:
        TooLittle: there is no history at all.
        ConfigError: a relation or `speaker` names nobody, or somebody of whom there are two.
    """
    owner = store.owner()
    if owner is None:
        raise too_little("there is no history yet")
    peers, relations = list(store.peers().values()), config.train.relations
    related = {resolve_contact(_contact(name), peers).peer_id: what for name, what in relations.items()}
    return Views(owner, gaps, ZoneInfo(config.timezone), region, related, _speaker(speaker, owner, peers))


def learnable(store: Store, ledger: Ledger) -> list[Peer]:
    """The chats that are learned from, those with most messages first.

    Raises:
        TooLittle: nobody agrees that a model learns from what was said.
    """
    chats = [chat.peer for chat in store.chats() if chat.peer.kind in KINDS]
    agreed = [chat for chat in chats if ledger.allows(chat, "learn")]
    if chats and not agreed:
        raise TooLittle(
            "nobody in the chats that are stored agreed that a model learns from them",
            fix=f"once they do: {how_to_grant(chats[0], 'learn')}; or vouch for whole kinds under [consent]",
        )
    return agreed


def learn_gaps(store: Store, chats: Iterable[Peer], train: Train) -> dict[int, timedelta]:
    """The silence that ends a session in each of these chats: the one that is set, or the chat's own."""
    return {chat.peer_id: train.session_gap or _own_gap(store, chat) for chat in chats}


def conversations(
    store: Store, chats: Collection[Peer], read: Views, *, count: Count = uncounted
) -> list[Conversation]:
    """The sessions of these chats in which somebody said something, oldest first; `count` is told messages."""
    names = store.names()
    foreign = ghostwritten.marked(store.database)
    total = sum(one.messages for one in store.chats() if one.peer in chats)
    found, done = [], 0
    for view in map(read.of, chats):
        for session in view.sessions(store.messages(view.chat.peer_id)):
            count(done, total)
            found.append(view.conversation(session, names, foreign))
            done += len(session)
    return sorted(found, key=lambda conversation: conversation.began)


def too_little(problem: str) -> TooLittle:
    """What is said where there is not enough to learn from."""
    return TooLittle(
        problem, fix="sync more chats (`[sync]` in the configuration, then `python -m exporter`), or import an export"
    )


def _speaker(named: Contact | None, owner: Peer, peers: Iterable[Peer]) -> Peer | None:
    if named is None or (found := resolve_contact(named, peers)) == owner:
        return None
    if found.kind is not PeerKind.USER:
        raise ConfigError(
            f"{found.name} is not a person, so nobody's double can be made of it", fix="name a person as [train] learn"
        )
    return found


def _own_gap(store: Store, chat: Peer) -> timedelta:
    moments = (message.sent_at for message in store.messages(chat.peer_id) if told(message))
    return learn_gap((later - earlier).total_seconds() for earlier, later in pairwise(moments))


def _contact(name: str) -> Contact:
    """TOML's keys are strings, ids among them."""
    return int(name) if name.removeprefix("-").isdecimal() else name
