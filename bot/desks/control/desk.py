"""The desk in the chat with the control bot: a card is a message of the bot's, with buttons.

It shows; what a press does is in `presses`.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from aiogram import Bot

from bot.desks.cards import Card, closed_card, open_card
from bot.desks.control.answers import NO_PREVIEW
from bot.desks.control.api import open_bot, translated
from bot.desks.control.buttons import choices
from bot.desks.control.link import NAME, Link
from bot.desks.sight import Sight
from bot.sending.refused import Refused
from exporter.messages import Peer
from exporter.progress import Say
from exporter.settings.config import Control
from exporter.storing.store import Store


class ControlBot:
    """Cards in the chat between the owner and the control bot. Every method may raise Refused or Wait."""

    name = NAME

    def __init__(self, bot: Bot, link: Link, clock: Callable[[], datetime]) -> None:
        self.bot = bot
        self.link = link
        self._clock = clock
        self._sight = Sight()

    async def show(self, card: Card) -> int:
        """Send the card with its buttons."""
        self._demand_link()
        text = open_card(card, now=self._clock())
        with translated():
            message = await self.bot.send_message(
                self.link.owner_id, text, reply_markup=choices(card.draft), link_preview_options=NO_PREVIEW
            )
        return self._sight.see(message.message_id)

    async def find(self, card: Card) -> None:
        """Nobody can look into this chat; a press on a card that nobody knows of counts all the same."""

    async def update(self, message_id: int, card: Card) -> None:
        """Let a card show this one, with its buttons, which carry what they are for."""
        await self._edit(message_id, open_card(card, now=self._clock()), card)

    def near(self, message_id: int) -> bool:
        """Whether it is one of the newest messages that it wrote."""
        return self._sight.holds(message_id)

    async def close(self, message_id: int, card: Card, outcome: str) -> None:
        """Let the card say what became of the draft, without buttons."""
        await self._edit(message_id, closed_card(card, outcome), None)

    async def tell(self, text: str) -> None:
        """Send a note of the double's own."""
        self._demand_link()
        with translated():
            message = await self.bot.send_message(self.link.owner_id, text, link_preview_options=NO_PREVIEW)
        self._sight.see(message.message_id)

    async def _edit(self, message_id: int, text: str, open_: Card | None) -> None:
        self._demand_link()
        with translated():
            await self.bot.edit_message_text(
                text,
                chat_id=self.link.owner_id,
                message_id=message_id,
                reply_markup=choices(open_.draft) if open_ else None,
                link_preview_options=NO_PREVIEW,
            )

    def _demand_link(self) -> None:
        if not self.link.stands:
            raise Refused("NOT_LINKED")


@asynccontextmanager
async def open_desk(
    settings: Control, store: Store, owner: Peer, *, clock: Callable[[], datetime], say: Say
) -> AsyncIterator[ControlBot | None]:
    """The desk, if there is a token. Raises ConfigError as `open_bot` does."""
    async with open_bot(settings, say) as bot:
        if bot is None:
            yield None
        else:
            link = Link(store.database, bot_id=bot.id, owner_id=owner.peer_id, clock=clock, say=say)
            yield ControlBot(bot, link, clock)
