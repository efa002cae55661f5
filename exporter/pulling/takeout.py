"""Telegram's mode for exports: leave is asked for once, and given back once everything is there.

The takeout's id lies beside the session that it belongs to, so that an interrupted run goes on within the same one.
"""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from telethon import TelegramClient, errors
from telethon.tl import types
from telethon.tl.functions.account import FinishTakeoutSessionRequest, InitTakeoutSessionRequest

from exporter.account.limiter import Limiter
from exporter.errors import ComeBackLater
from exporter.messages import PeerKind
from exporter.pulling.plan import Chat
from exporter.storing.chatstate import ChatState

log = logging.getLogger(__name__)

DELAYED = "takeout"
"""Under which the moment is remembered from which on Telegram gives leave."""


class Takeout:
    """One export of the account, over as many runs as it takes."""

    def __init__(self, client: TelegramClient, limiter: Limiter, state: ChatState) -> None:
        self._session = client.session
        self._limiter = limiter
        self._state = state

    def resume(self) -> None:
        """Go on within the takeout that an earlier run began, if there is one."""
        self._limiter.within(self._session.takeout_id)

    async def begin(self, chats: Iterable[Chat]) -> None:
        """Ask leave to export these chats, unless the takeout has begun. An approval in Telegram ends a delay early,
        so each run asks once.

        Raises:
            ComeBackLater: Telegram gives leave only after some time, or an approval.
        """
        if self._session.takeout_id is not None:
            return
        try:
            takeout = await self._limiter(_leave_for(chats))
        except errors.TakeoutInitDelayError as delay:
            until = datetime.now(UTC) + timedelta(seconds=delay.seconds)
            self._state.rest(DELAYED, until)
            raise ComeBackLater(
                f"Telegram lets this account be exported from {until:%Y-%m-%d %H:%M} UTC on, or once you approve it",
                fix="approve the export in Telegram's message to your other devices, or come back then; "
                "run the same command again, or leave out --takeout to sync at the usual pace now",
                until=until,
            ) from None
        self._remember(takeout.id)
        log.info("takeout.begun")

    async def finish(self) -> None:
        """Tell Telegram that everything is there."""
        await self._limiter(FinishTakeoutSessionRequest(success=True))
        self.drop()
        log.info("takeout.finished")

    def drop(self) -> None:
        """Forget the takeout: it is finished, or Telegram no longer knows it."""
        self._remember(None)

    def _remember(self, takeout_id: int | None) -> None:
        self._session.takeout_id = takeout_id
        self._session.save()  # at once: Telethon would do so within a minute
        self._limiter.within(takeout_id)


def _leave_for(chats: Iterable[Chat]) -> InitTakeoutSessionRequest:
    """What is exported: the kinds of these chats and no other, no contacts and no files."""
    kinds = set()
    for chat in chats:
        match chat.address, chat.peer.kind:
            case types.InputPeerChannel(), PeerKind.CHANNEL:
                kinds.add("message_channels")
            case types.InputPeerChannel(), _:
                kinds |= {"message_megagroups", "message_chats"}  # it may have been a basic group
            case types.InputPeerChat(), _:
                kinds.add("message_chats")
            case _:
                kinds.add("message_users")
    return InitTakeoutSessionRequest(**dict.fromkeys(kinds, True))
