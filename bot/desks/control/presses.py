"""What a press does. A card that is outdated says so, sends nothing, and loses its buttons."""

import logging
from collections.abc import Mapping

from aiogram import F, Router
from aiogram.types import CallbackQuery, InaccessibleMessage, InlineKeyboardMarkup

from bot.desks.control.buttons import Action, Press, Unmute, way_back
from bot.desks.control.link import NAME
from bot.desks.drafts import Drafts
from bot.desks.mode_switch import ModeSwitch
from bot.desks.places import Places
from bot.double import Double

log = logging.getLogger(__name__)

OUTDATED = "Outdated: nothing was sent."
DONE: Mapping[Action, str] = {"send": "On its way.", "again": "Others come in a moment.", "skip": "Skipped."}
NOT_DONE: Mapping[Action, str] = {"send": OUTDATED, "again": "Outdated, or others are on their way.", "skip": OUTDATED}


def presses() -> Router:
    """All but Edit, which is in `edits`. Its handlers ask for `double`, `drafts`, `places` and `switch`."""
    router = Router(name="presses")
    router.callback_query.register(choose, Press.filter(F.action.in_(DONE)))
    router.callback_query.register(mute, Press.filter(F.action == "mute"))
    router.callback_query.register(unmute, Unmute.filter())
    return router


async def choose(query: CallbackQuery, callback_data: Press, double: Double, drafts: Drafts, places: Places) -> None:
    """Send a proposal, make others, or skip."""
    draft_id, version, action = callback_data.draft_id, callback_data.version, callback_data.action
    match action:
        case "send":
            done = double.approve(draft_id, callback_data.number, version=version)
        case "again":
            done = double.again(draft_id, version=version)
        case _:
            done = await double.skip(draft_id, version=version)
    log.info("desk.press", extra={"draft_id": draft_id, "action": action, "done": done})
    await query.answer(DONE[action] if done else NOT_DONE[action], show_alert=not done)
    if not done:
        await take_buttons(query, drafts, places)


async def mute(query: CallbackQuery, callback_data: Press, switch: ModeSwitch, drafts: Drafts, places: Places) -> None:
    """Propose nothing in this chat any more; the card keeps a button that takes it back."""
    before = await switch.mute(callback_data.draft_id, version=callback_data.version)
    draft = drafts.get(callback_data.draft_id)
    if before is None or draft is None:
        await query.answer(OUTDATED, show_alert=True)
        await take_buttons(query, drafts, places)
        return
    await query.answer("Muted: nothing comes from this chat any more.")
    await _show_buttons(query, way_back(draft, before))


async def unmute(
    query: CallbackQuery, callback_data: Unmute, switch: ModeSwitch, drafts: Drafts, places: Places
) -> None:
    """As it was before; what they write from now on counts."""
    done = await switch.unmute(callback_data.draft_id, callback_data.mode)
    await query.answer(f"This chat: {callback_data.mode} again." if done else "Outdated: nothing was changed.")
    await take_buttons(query, drafts, places)


async def take_buttons(query: CallbackQuery, drafts: Drafts, places: Places) -> None:
    """Take the buttons off a card whose draft is not open any more: it missed that it was closed."""
    place = places.at(NAME, query.message.message_id) if query.message else None
    if place is None or drafts.get_open(place.draft_id) is None:
        await _show_buttons(query, None)


async def _show_buttons(query: CallbackQuery, buttons: InlineKeyboardMarkup | None) -> None:
    """Change the buttons, not the words."""
    if query.message and not isinstance(query.message, InaccessibleMessage):
        await query.message.edit_reply_markup(reply_markup=buttons)
