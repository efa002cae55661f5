"""What the buttons say and carry. Pure."""

from typing import Literal

from aiogram.filters.callback_data import CallbackData
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from bot.desks.drafts import Draft
from exporter.settings.modes import Mode

Action = Literal["send", "edit", "again", "skip", "mute"]


class Press(CallbackData, prefix="draft"):
    """What a button on a card carries: at most 64 bytes. `number` counts proposals from 1.

    On a card that shows other proposals by now, `version` is an older one, and the press does nothing.
    """

    action: Action
    draft_id: int
    version: int
    number: int = 0


class Unmute(CallbackData, prefix="unmute"):
    """The way back, on the card with which a chat was muted."""

    draft_id: int
    mode: Mode
    """As it was before."""


def choices(draft: Draft) -> InlineKeyboardMarkup:
    """Under a card that waits for the owner: Send is the first proposal, which is thought to be the best one."""

    def button(text: str, action: Action, number: int = 0) -> InlineKeyboardButton:
        press = Press(action=action, draft_id=draft.draft_id, version=draft.version, number=number)
        return InlineKeyboardButton(text=text, callback_data=press.pack())

    count = len(draft.proposals)
    numbers = [button(str(number), "send", number) for number in range(1, count + 1)] if count > 1 else []
    rest = [button("Edit", "edit"), button("Again", "again"), button("Skip", "skip"), button("Mute", "mute")]
    return InlineKeyboardMarkup(inline_keyboard=[[button("Send", "send", 1), *numbers], rest])


def way_back(draft: Draft, mode: Mode) -> InlineKeyboardMarkup:
    """Under the card of a chat that was muted."""
    data = Unmute(draft_id=draft.draft_id, mode=mode).pack()
    return InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text=f"Back to {mode}", callback_data=data)]])
