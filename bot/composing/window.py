"""What the double sees of a chat: the current session as turns, and the prompt made of them.

Sessions, turns and prompts are made by the functions that made the training rows. It knows the store, and no Telegram.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.composing import notes
from bot.composing.engine import Speaker
from bot.composing.notes import Note
from bot.sending.entries import in_order
from exporter.messages import Message
from exporter.storing import ghostwritten
from exporter.storing.store import Store
from trainer.reading.conversations import View
from trainer.reading.dialogue import Session, Turn
from trainer.reading.memory import Memory
from trainer.reading.prompt import Recalled, Scene, encode, fit, recalled_cost, render_prompt

MOST = 300
"""At least so many messages are looked at, and less than twice as many: far more than any prompt holds."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One chat when the owner might speak."""

    scene: Scene
    turns: tuple[Turn, ...]
    """Of the session that is going on, or was the last one."""
    times: tuple[datetime, ...]
    """When each turn began."""
    now: datetime
    mark: str
    """What is told of the time at which he would speak now."""


def newest(store: Store, view: View) -> Message | None:
    """The last message that somebody wrote in the newest session of a chat; None: nobody did."""
    return next((message for message in reversed(_session(store, view)) if message.said), None)


def look(store: Store, view: View, *, now: datetime) -> Moment:
    """The newest session of a chat; of a long one, the beginning is cut off in blocks of MOST messages.

    So the prompt mostly begins as the one before it did, and the model need not read that again.
    """
    session = _session(store, view)
    foreign = ghostwritten.marked(store.database, store.parts(view.chat.peer_id))
    read = view.conversation(session, store.names(), foreign)
    mark = view.mark(read.ends[-1] if read.ends else None, now)
    return Moment(read.scene, read.turns, read.times, now, mark)


def _session(store: Store, view: View) -> Session:
    chat_id, newest = view.chat.peer_id, Session()
    for session in view.sessions(store.recent(chat_id, limit=MOST + store.count(chat_id) % MOST)):
        newest = session
    return tuple(in_order(store.database, chat_id, newest))


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model reads before the owner's next words."""

    ids: tuple[int, ...]
    """As tokens."""
    blank: tuple[int, ...]
    """The same without the conversation: what the model says to that, it would say to anybody."""
    said: tuple[Turn, ...]
    """The turns of the conversation that are in it."""


def prompt(
    speaker: Speaker, moment: Moment, memory: Memory, noted: Sequence[Note] = (), *, region: str | None = None
) -> Prompt:
    """The prompt of a moment: of the history as much as fits, and what was said of such things.

    `memory` is the chat's own; only what was over before the shown history is recalled of it. The owner's notes for
    this chat go first: what room they leave is for memory. Telephone numbers in them are hidden as those of `region`.
    """
    spec, tokenizer = speaker.spec, speaker.tokenizer
    shown = fit(spec, tokenizer, moment.scene, moment.turns)
    recalled: tuple[Recalled, ...] = ()
    if shown and not shown[-1].own:
        told = notes.tell(spec, tokenizer, moment.scene, noted, region, now=moment.now)
        room = spec.memory_tokens - sum(recalled_cost(spec, tokenizer, one) for one in told)
        before = moment.times[-len(shown)]
        recalled = (*memory.recall(spec, tokenizer, shown[-1], before=before, now=moment.now, room=room), *told)
    whole = render_prompt(spec, moment.scene, shown, mark=moment.mark, memory=recalled)
    blank = render_prompt(spec, moment.scene, (), mark=moment.mark)
    return Prompt(encode(tokenizer, whole).ids, encode(tokenizer, blank).ids, shown)
