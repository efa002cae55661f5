"""What a running bot does when somebody is forgotten: it speaks with them no more, and keeps nothing of them.

`python -m exporter forget` has erased by then what was stored. What a conversation wrote in the same second, and what
lies in this process's memory, is erased here.
"""

import asyncio
import json
import logging
from collections.abc import Collection

from sqlite_utils import Database

from bot.double import Double
from bot.parts import Parts
from exporter.storing.database import transaction
from trainer.models.artifact import refuse_forgotten

log = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between two looks at the deny list, some microseconds each."""


async def watch_forgotten(parts: Parts, double: Double, known: Collection[int]) -> None:
    """Follow the deny list, for ever; `known` was on it at the start.

    Raises:
        LearnedFromForgotten: the model that speaks learned from somebody who is on it now.
    """
    while True:
        await asyncio.sleep(LOOK)
        forgotten = parts.store.forgotten.ids()
        if new := forgotten.difference(known):
            for chat_id in new:
                await double.drop(chat_id)
            erase_forgotten(parts.store.database, new)
            await double.let_go()
            log.info("bot.forgot", extra={"ids": len(new)})
            refuse_forgotten(parts.voice.model.artifact.card, forgotten)
        known = forgotten


_TABLES = ("draft", "outbox", "handled", "stop", "decision", "chosen_mode", "note")
"""Whose rows are each about one chat."""


def erase_forgotten(database: Database, forgotten: Collection[int]) -> None:
    """Erase drafts, their cards, notes, and what was to be sent, every byte of it."""
    theirs = "chat_id in (select value from json_each(:ids))"
    erased = 0
    with transaction(database):
        for rows in (
            f"card where draft_id in (select draft_id from draft where {theirs})",  # noqa: S608 - names of our own
            *(f"{table} where {theirs}" for table in _TABLES),
        ):
            erased += database.conn.execute(f"delete from {rows}", {"ids": json.dumps(list(forgotten))}).rowcount  # noqa: S608
    if erased:
        database.execute("pragma wal_checkpoint(truncate)")
