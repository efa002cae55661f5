"""What the double sees of a chat: the current session as turns, and the prompt made of them.

Sessions, turns and prompts are made by the functions that made the training rows. It knows the store, and no Telegram.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from bot.engine import Speaker
from exporter import ghostwritten
from exporter.messages import Message
from exporter.store import Store
from trainer.conversations import View
from trainer.dialogue import Session, Turn
from trainer.prompt import Scene, encode, fit, render_prompt

MOST = 300
"""Messages that are looked at; far more than any prompt holds."""


@dataclass(frozen=True, slots=True)
class Window:
    """One chat, now."""

    scene: Scene
    turns: tuple[Turn, ...]
    """Of the session that is going on, or was the last one."""
    mark: str
    """What is told of the time at which the owner would speak now."""
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


def look(store: Store, view: View, *, now: datetime) -> Window:
    """The newest session of a chat."""
    newest: Session = ()
    for session in view.sessions(store.recent(view.chat.peer_id, limit=MOST)):
        newest = session
    names = {peer_id: peer.name for peer_id, peer in store.peers().items()}
    read = view.conversation(newest, names, ghostwritten.marked(store.database))
    mark = view.mark(read.ends[-1] if read.ends else None, now)
    return Window(read.scene, read.turns, mark, tuple(message for message in newest if message.said))


def prompt(speaker: Speaker, scene: Scene, history: Sequence[Turn], *, mark: str = "") -> tuple[int, ...]:
    """The token ids before the owner's next words, said after `mark`; of the history as much as fits."""
    spec, tokenizer = speaker.spec, speaker.tokenizer
    shown = fit(spec, tokenizer, scene, history)
    return encode(tokenizer, render_prompt(spec, scene, shown, mark=mark)).ids
