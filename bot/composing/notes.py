"""What the owner wants his double to know for a while: "in Lisbon until Friday", for all chats or for one.

A prompt shows a note as it shows a recalled exchange: the owner's words, under how long ago he wrote them, just before
the last turn and within the same number of tokens. So prompts keep the shape of training rows, models that were made
before there were notes can read them, and the history above needs no second reading. Tried with a tuned SmolLM2-135M:
answers that a note bears on became 6 nats more likely, others stayed as likely as they were; in the header, as a mark
or as a turn of its own a note did no more. This module knows the table and the owner's clock, and no desk.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Any

from sqlite_utils import Database

from bot.composing.expiry import load_expiry
from exporter.errors import DoppelgangerError
from trainer.reading.dialogue import Turn
from trainer.reading.marks import length
from trainer.reading.prompt import PromptSpec, Recalled, Scene, Tokenizer, recalled_cost
from trainer.reading.redact import Redactor

log = logging.getLogger(__name__)

MOST = 300
"""Characters of a note: more than that no prompt of the default length has room for."""


class UnfitNote(DoppelgangerError):
    """Nothing that could be told a model."""


@dataclass(frozen=True, slots=True)
class Note:
    """One note of the owner's."""

    note_id: int
    chat_id: int | None
    """The chat that it is for; None for all."""
    text: str
    made_at: datetime
    expires_at: datetime


class Notes:
    """All notes that hold."""

    def __init__(self, database: Database, clock: Callable[[], datetime], zone: tzinfo) -> None:
        self._database = database
        self._table = database.table("note")
        self._clock = clock
        self._zone = zone
        self._expiry = load_expiry()

    def add(self, text: str, *, chat_id: int | None = None) -> Note:
        """Keep a note until the moment that it names itself, else until the end of tomorrow.

        Raises:
            UnfitNote: there are no words in it, or too many.
        """
        words = text.strip()
        if not words or len(words) > MOST:
            raise UnfitNote(
                f"a note has at most {MOST} characters, not {len(words)}" if words else "the note is empty",
                fix="write what your double should know, such as: in Lisbon until Friday",
            )
        now = self._clock()
        expires_at = self._expiry.of(words, now=now, zone=self._zone)
        self.prune()
        row = {
            "chat_id": chat_id,
            "text": words,
            "made_at": int(now.timestamp()),
            "expires_at": int(expires_at.timestamp()),
        }
        note_id = self._table.insert(row).last_pk
        log.info("note.added", extra={"chat_id": chat_id or 0, "note_id": note_id})
        return next(note for note in self.live() if note.note_id == note_id)

    def live(self, chat_id: int | None = None) -> list[Note]:
        """The notes that hold now, oldest first: those for all and for this chat; without a chat, every one."""
        of_chat = "and (:chat_id is null or chat_id is null or chat_id = :chat_id)"
        now = int(self._clock().timestamp())
        found = self._table.rows_where(
            f"expires_at > :now {of_chat}", {"now": now, "chat_id": chat_id}, order_by="note_id"
        )
        return list(map(_note, found))

    def remove(self, note_id: int) -> bool:
        """Keep it no longer; False where it was not kept."""
        cursor = self._database.execute("delete from note where note_id = ?", [note_id])
        return bool(cursor.rowcount)

    def prune(self) -> None:
        """Erase those that hold no more."""
        self._database.execute("delete from note where expires_at <= ?", [int(self._clock().timestamp())])


def tell(
    spec: PromptSpec, tokenizer: Tokenizer, scene: Scene, notes: Sequence[Note], region: str | None, *, now: datetime
) -> tuple[Recalled, ...]:
    """The notes as a prompt has them, oldest first, without secrets: as many as `spec.memory_tokens` hold.

    The newest go first; of one that is too long for what room is left, the beginning is told.
    """
    room, told = spec.memory_tokens, list[Recalled]()
    redactor = Redactor(region)
    for note in reversed(notes):
        one = _shortened(spec, tokenizer, _recalled(scene, note, redactor, now), room)
        if one is None:
            log.info("note.left_out", extra={"note_id": note.note_id})
            continue
        room -= recalled_cost(spec, tokenizer, one)
        told.insert(0, one)
    return tuple(told)


def _recalled(scene: Scene, note: Note, redactor: Redactor, now: datetime) -> Recalled:
    return Recalled(f"{length(now - note.made_at)} ago", (Turn(scene.owner, True, (redactor.text(note.text),)),))


def _shortened(spec: PromptSpec, tokenizer: Tokenizer, told: Recalled, room: int) -> Recalled | None:
    """What of it fits into so many tokens; None where nothing does."""
    (turn,) = told.turns
    (text,) = turn.texts
    while recalled_cost(spec, tokenizer, told) > room:
        text = text[: len(text) * 3 // 4]
        if not text:
            return None
        told = replace(told, turns=(replace(turn, texts=(text,)),))
    return told


def _note(row: Mapping[str, Any]) -> Note:
    made_at, expires_at = (datetime.fromtimestamp(row[column], UTC) for column in ("made_at", "expires_at"))
    return Note(row["note_id"], row["chat_id"], row["text"], made_at, expires_at)
