"""How an answer looks in the owner's chat: its picture with the words under it, or the words alone."""

import logging

from aiogram.exceptions import TelegramBadRequest
from aiogram.types import BufferedInputFile, LinkPreviewOptions, Message

from bot.desks.cards import clip
from bot.desks.orders.order import Answer

log = logging.getLogger(__name__)

CAPTION, MESSAGE = 1024, 4096
"""UTF-16 units that fit under a picture, and into a message."""
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


async def answer(message: Message, given: Answer) -> None:
    """Show an answer: with its picture, if Telegram takes that; the words in any case."""
    text = clip(given.text, MESSAGE)
    if given.picture is None or not await _pictured(message, given.picture, text):
        await message.answer(text, link_preview_options=NO_PREVIEW)


async def _pictured(message: Message, picture: bytes, text: str) -> bool:
    """Send the picture; whether the words went with it."""
    fits = len(text.encode("utf-16-le")) <= 2 * CAPTION
    try:
        await message.answer_photo(BufferedInputFile(picture, "picture.png"), caption=text if fits else None)
    except TelegramBadRequest as error:
        log.warning("control.no_picture", extra={"error": type(error).__name__})
        return False
    return fits
