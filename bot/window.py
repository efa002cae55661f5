"""What the double sees of a chat: the current session as turns, and the prompt made of them.

Sessions, turns and prompts are made by the functions that made the training rows. It knows the store, and no Telegram.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile

from bot.engine import Speaker
from exporter.messages import Message, Peer, PeerKind
from exporter.store import Store
from trainer.dialogue import Turn, sessions, turns, words
from trainer.prompt import Scene, encode, fit, render_prompt

MOST = 300
"""Messages that are looked at; far more than any prompt holds."""


@dataclass(frozen=True, slots=True)
class Window:
    """One chat, now."""

    scene: Scene
    turns: tuple[Turn, ...]
    """Of the session that is going on, or was the last one."""
    said: tuple[Message, ...]
    """The messages in those turns, oldest first."""

    @property
    def newest(self) -> Message | None:
        """The last message that somebody wrote."""
        return self.said[-1] if self.said else None

    @property
    def burst(self) -> tuple[Message, ...]:
        """What the sender of the newest message said in a row, newest first."""
        return tuple(takewhile(lambda message: message.sender_id == self.said[-1].sender_id, reversed(self.said)))

    @property
    def own_ids(self) -> frozenset[int]:
        """Ids of the owner's messages."""
        return frozenset(message.message_id for message in self.said if message.outgoing)


def look(store: Store, chat: Peer, owner: Peer, *, gap: timedelta) -> Window:
    """The newest session of a chat; `gap` is the silence that ends one."""
    newest: tuple[Message, ...] = ()
    for session in sessions(store.recent(chat.peer_id, limit=MOST), gap=gap):
        newest = session
    said = tuple(message for message in newest if message.said and words(message))
    names = {peer_id: peer.name for peer_id, peer in store.peers().items()}
    return Window(scene(chat, owner), turns(said, names, owner=owner.name), said)


def scene(chat: Peer, owner: Peer) -> Scene:
    """Who talks with whom."""
    return Scene(owner.name, chat.name, group=chat.kind is PeerKind.GROUP)


def prompt(speaker: Speaker, scene: Scene, history: Sequence[Turn]) -> tuple[int, ...]:
    """The token ids before the owner's next words; of the history as much as fits."""
    spec, tokenizer = speaker.spec, speaker.tokenizer
    shown = fit(spec, tokenizer, scene, history)
    return encode(tokenizer, render_prompt(spec, scene, shown)).ids
