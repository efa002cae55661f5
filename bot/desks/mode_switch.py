"""Changing the modes of chats while the double runs, by a command, a button or a folder of the owner's.

What he chose holds before he gets an answer; `bot.deciding.modes` keeps it.
"""

import asyncio

from bot.deciding.modes import Modes
from bot.desks.drafts import Drafts
from bot.double import Double
from exporter.following.live import Live
from exporter.settings.modes import Mode


class ModeSwitch:
    """Changes `modes`, and has the double follow them."""

    def __init__(self, modes: Modes, live: Live, double: Double, drafts: Drafts) -> None:
        self.modes = modes
        self._live = live
        self._double = double
        self._drafts = drafts
        self._changing = asyncio.Lock()

    def now(self) -> dict[int, Mode]:
        """Every chat whose mode is not off."""
        return self.modes.now()

    async def turn(self, chat_id: int, mode: Mode) -> None:
        """Switch this chat to a mode, until the owner chooses another."""
        self.modes.choose(chat_id, mode)
        await self.apply()

    async def apply(self) -> None:
        """Keep the chats current that the modes name now, and speak in no others."""
        async with self._changing:  # an older choice must not overtake a newer one
            modes = self.modes.now()
            self._live.keep(modes)
            await self._double.change(modes)

    async def mute(self, draft_id: int, *, version: int) -> Mode | None:
        """Turn off the chat of this card; its mode until then, or None where the card is outdated."""
        draft = self._drafts.get_open(draft_id, version=version)
        if draft is None:
            return None
        before = self.now().get(draft.chat_id)
        if before is not None:
            await self.turn(draft.chat_id, Mode.OFF)
        return before

    async def unmute(self, draft_id: int, mode: Mode) -> bool:
        """Be again as before `mute`; False where the owner said otherwise since, and nothing changed."""
        draft = self._drafts.get(draft_id)
        if draft is None or draft.chat_id in self.now():
            return False
        self.modes.choose_nothing(draft.chat_id)
        if self.now().get(draft.chat_id) is not mode:  # neither his configuration nor his folders say so
            self.modes.choose(draft.chat_id, mode)
        await self.apply()
        return True
