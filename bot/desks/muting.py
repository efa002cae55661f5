"""Muting the chat of a card: its mode is off from then on, until the owner takes it back or says otherwise by /mode."""

from collections.abc import Awaitable, Callable

from bot.deciding.modes import Modes
from bot.desks.drafts import Drafts, DraftState
from exporter.modes import Mode


class Muting:
    """`apply` makes a running double follow what `modes` say now: it closes the cards of a chat that is off."""

    def __init__(self, drafts: Drafts, modes: Modes, apply: Callable[[], Awaitable[None]]) -> None:
        self._drafts = drafts
        self._modes = modes
        self._apply = apply

    async def mute(self, draft_id: int, *, version: int) -> Mode | None:
        """Speak with them no more; how it was until then, or None where the card is outdated, and nothing changed."""
        draft = self._drafts.get(draft_id)
        if draft is None or (draft.state, draft.version) != (DraftState.OPEN, version):
            return None
        before = self._modes.now().get(draft.chat_id)
        if before is None:
            return None
        self._modes.choose(draft.chat_id, Mode.OFF)
        await self._apply()
        return before

    async def unmute(self, draft_id: int, mode: Mode) -> bool:
        """Speak with them again, as it was; False where that was said otherwise since, and nothing changed."""
        draft = self._drafts.get(draft_id)
        if draft is None or draft.chat_id in self._modes.now():
            return False
        self._modes.choose_nothing(draft.chat_id)
        if self._modes.now().get(draft.chat_id) is not mode:  # neither his configuration nor his folders say so
            self._modes.choose(draft.chat_id, mode)
        await self._apply()
        return True
