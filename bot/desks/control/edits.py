"""Edit: the bot asks for the owner's own words, and only his reply to that question is sent, as he wrote it.

Which question belongs to which draft stands in SQLite, so a restart in between loses nothing and mixes nothing up. Any
other message of his goes to nobody.
"""

import logging
import re
from collections.abc import Callable
from datetime import datetime, timedelta

from aiogram import Bot, F, Router
from aiogram.exceptions import AiogramError
from aiogram.types import CallbackQuery, ForceReply, Message
from aiogram.utils.formatting import Code, Text
from sqlite_utils import Database

from bot.desks.cards import PROPOSED, clip
from bot.desks.control.buttons import Press
from bot.desks.control.presses import OUTDATED, take_buttons
from bot.desks.desk import Desks
from bot.desks.drafts import Drafts
from bot.desks.places import Places
from bot.double import Double

log = logging.getLogger(__name__)

LASTS = timedelta(minutes=15)
"""For so long a question may be answered."""
KEPT = timedelta(days=1)
"""For so long it is known to have been one."""
PLACEHOLDER = 64
"""Characters that the Bot API takes for the field in which he writes."""
LATE = "Too late: nothing was sent. Press Edit again."
ONLY_WORDS = "I can only send words: nothing was sent."


class Edits:
    """Which draft each question is about."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._table = database.table("control_edit")
        self._clock = clock

    def ask(self, question_id: int, draft_id: int) -> None:
        """The message `question_id` asks for words to be sent instead of the proposals of this draft."""
        now = self._clock().timestamp()
        self._table.delete_where("asked_at < ?", [int(now - KEPT.total_seconds())])
        self._table.upsert({"question_id": question_id, "draft_id": draft_id, "asked_at": int(now)}, pk="question_id")

    def asked(self, question_id: int) -> bool:
        """Whether this message is a question."""
        return self._table.count_where("question_id = ?", [question_id]) == 1

    def take(self, question_id: int) -> int | None:
        """The draft that it is about, once; None if that was too long ago."""
        row = next(self._table.rows_where("question_id = ?", [question_id]))
        self._table.delete(question_id)
        late = row["asked_at"] < (self._clock() - LASTS).timestamp()
        return None if late else int(row["draft_id"])


def editing() -> Router:
    """Its handlers ask for `double`, `drafts`, `places`, `desks` and `edits`."""
    router = Router(name="editing")
    router.callback_query.register(ask, Press.filter(F.action == "edit"))
    router.message.register(send, _question)
    return router


async def ask(
    query: CallbackQuery, callback_data: Press, bot: Bot, drafts: Drafts, places: Places, desks: Desks, edits: Edits
) -> None:
    """Ask for words; the first proposal comes along, to be copied with a tap."""
    draft = drafts.get_open(callback_data.draft_id, version=callback_data.version)
    if draft is None:
        await query.answer(OUTDATED, show_alert=True)
        await take_buttons(query, drafts, places)
        return
    proposal, minutes = "\n".join(draft.proposals[0]), int(LASTS.total_seconds() // 60)
    name = desks.card(draft).name
    words = Text(
        f"Reply to this message with your words for {name}. They are sent as you write them; {minutes} minutes are left"
        " for it.\n\n",
        Code(clip(proposal, PROPOSED)),
    )
    hint = ForceReply(input_field_placeholder=clip(re.sub(r"\s+", " ", proposal), PLACEHOLDER))
    question = await bot.send_message(query.from_user.id, reply_markup=hint, **words.as_kwargs())
    edits.ask(question.message_id, draft.draft_id)
    await query.answer()


async def send(message: Message, question_id: int, bot: Bot, double: Double, edits: Edits) -> None:
    """Send his words instead of a proposal."""
    if not message.text:
        await message.answer(ONLY_WORDS)
        return
    draft_id = edits.take(question_id)
    if draft_id is None:
        await message.answer(LATE)
    elif not double.say(draft_id, message.text):
        await message.answer(OUTDATED)
    else:
        log.info("desk.edited", extra={"draft_id": draft_id})
        await _take_away(bot, message.chat.id, question_id)


async def _take_away(bot: Bot, chat_id: int, question_id: int) -> None:
    """Delete a question that was answered."""
    try:
        await bot.delete_message(chat_id, question_id)
    except AiogramError as error:
        log.info("control.question_stays", extra={"error": type(error).__name__})


async def _question(message: Message, edits: Edits) -> bool | dict[str, int]:
    """Which question this message is a reply to, if it is one."""
    answered = message.reply_to_message
    return {"question_id": answered.message_id} if answered and edits.asked(answered.message_id) else False
