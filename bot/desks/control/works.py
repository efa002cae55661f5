"""A work that a command began, in the owner's chat: a message that changes as it goes on, and a button that ends it."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from aiogram import Router
from aiogram.exceptions import AiogramError, TelegramRetryAfter
from aiogram.filters.callback_data import CallbackData
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message

from bot.desks.control.answers import answer
from bot.desks.control.api import TROUBLE, translated
from bot.desks.control.progress import follow
from bot.desks.orders.order import Work

log = logging.getLogger(__name__)

T = TypeVar("T")
AGAIN = 10.0
"""Seconds between two tries to tell of an end."""


class Cancel(CallbackData, prefix="cancel"):
    """What the button carries. The number is drawn by lot: after a restart, no old button means another work."""

    work_id: int


class Works:
    """Those that are followed. They are tasks of `tasks`, which outlive the command."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks
        self._followed: dict[int, Work] = {}

    def begin(self, work: Work, message: Message) -> None:
        """Follow it in the chat of this message."""
        self._tasks.create_task(self._follow(work, message))

    def cancel(self, work_id: int) -> bool:
        """Ask for its end; False where there is no such work any more."""
        work = self._followed.get(work_id)
        if work is not None:
            work.cancel()
        return work is not None

    async def _follow(self, work: Work, message: Message) -> None:
        work_id = secrets.randbits(31)
        self._followed[work_id] = work
        try:
            shown = await _taken(partial(message.answer, work.name, reply_markup=_button(work_id)))
            end = await follow(work, partial(_show, shown, work_id))
            await _taken(partial(answer, message, end))
            await _taken(partial(shown.edit_reply_markup, reply_markup=None))
        except AiogramError as error:  # the work goes on
            log.warning("control.unfollowed", extra={"error": type(error).__name__})
        finally:
            del self._followed[work_id]


def cancelling() -> Router:
    """Its handler asks for `works`."""
    router = Router(name="cancelling")
    router.callback_query.register(cancel, Cancel.filter())
    return router


async def cancel(query: CallbackQuery, callback_data: Cancel, works: Works) -> None:
    """End it; the message says so once it has ended."""
    done = works.cancel(callback_data.work_id)
    await query.answer("It ends in a moment." if done else "Outdated: that has ended.", show_alert=not done)
    if not done and isinstance(query.message, Message):
        await query.message.edit_reply_markup(reply_markup=None)


async def _taken(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask until the Bot API answers: how a work ended is told however long that takes."""
    while True:
        try:
            return await ask()
        except TelegramRetryAfter as error:
            await asyncio.sleep(error.retry_after)
        except TROUBLE as error:
            log.info("control.unreachable", extra={"error": type(error).__name__})
            await asyncio.sleep(AGAIN)


async def _show(shown: Message, work_id: int, text: str) -> None:
    with translated():
        await shown.edit_text(text, reply_markup=_button(work_id))


def _button(work_id: int) -> InlineKeyboardMarkup:
    button = InlineKeyboardButton(text="Cancel", callback_data=Cancel(work_id=work_id).pack())
    return InlineKeyboardMarkup(inline_keyboard=[[button]])
