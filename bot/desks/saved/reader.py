"""What the owner writes in his Saved Messages: replies to cards, commands, and his own notes, which are left alone.

Each message is read once, whether it comes while the bot runs or is found by looking back. A reply counts only for the
proposals that its card showed when it was written. A command that comes too late is not obeyed, for by now it could
surprise; a stop always is.
"""

import asyncio
import logging

from bot.deciding.loops import MARK
from bot.deciding.policy import fresh
from bot.desks import cards
from bot.desks.drafts import Draft, DraftState
from bot.desks.orders.order import LATE, SIGN, STOP, Orders, Work, is_stop, parse
from bot.desks.orders.stop import stop
from bot.desks.places import Place
from bot.desks.saved import replies
from bot.desks.saved.desk import READING, Notebook, SavedMessages
from bot.desks.saved.replies import Choice, Kind
from bot.double import Double
from bot.parts import Parts
from bot.sending.refused import Lost, Refused
from exporter.account.client import Link
from exporter.errors import DoppelgangerError
from exporter.messages import Message, MessageKind
from exporter.progress import silent

log = logging.getLogger(__name__)


class Reader:
    """Reads for the desk in Saved Messages; `hear` is given what comes. Commands are obeyed as tasks of `tasks`."""

    def __init__(
        self,
        notebook: Notebook,
        desk: SavedMessages,
        parts: Parts,
        double: Double,
        orders: Orders,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._notebook = notebook
        self._desk = desk
        self._parts = parts
        self._double = double
        self._orders = orders
        self._tasks = tasks
        self._inbox: asyncio.Queue[Message | None] = asyncio.Queue()
        """None asks to look back."""
        self._up_to = parts.handled.up_to(parts.owner.peer_id)
        """All messages up to this one were read, and beyond it those in `_ahead`; None before the very first start."""
        self._ahead: set[int] = set()
        self._late: list[str] = []

    def hear(self, message: Message) -> None:
        """Somebody wrote in Saved Messages."""
        self._inbox.put_nowait(message)

    async def run(self, link: Link) -> None:
        """Read what comes, and look back after each outage; for ever."""
        self._tasks.create_task(self._notice_outages(link))
        while True:
            message = await self._inbox.get()
            if message is None:
                await self.look_back()
            else:
                await self._once(message)
                await self._tell_of_late()

    async def look_back(self) -> None:
        """Read what nobody listened to, but for what was written before the very first start."""
        for draft in self._parts.drafts.all_open():
            await self._parts.desks.find(draft)
        try:
            if self._up_to is None:
                self._up_to = max((one.message_id for one in await self._notebook.newest_saved(1)), default=0)
                self._parts.handled.advance(self._parts.owner.peer_id, self._up_to)
                return
            found = await self._notebook.saved_since(self._up_to)
        except (Lost, Refused) as error:
            log.warning("desk.failed", extra={"desk": self._desk.name, "error": str(error) or "lost"})
            return
        for message in found:
            await self._once(message)
            self._up_to = message.message_id
        self._ahead = {one for one in self._ahead if one > (self._up_to or 0)}
        await self._tell_of_late()

    async def _once(self, message: Message) -> None:
        """What is done is written down only afterwards: a reply that is read twice still sends only once."""
        if message.message_id <= (self._up_to or 0) or message.message_id in self._ahead:
            return
        self._ahead.add(message.message_id)
        self._desk.see(message.message_id)
        if _by_hand(message):
            await self._read(message)
        handled, notes = self._parts.handled, self._parts.owner.peer_id
        handled.advance(notes, max(handled.up_to(notes) or 0, message.message_id))

    async def _read(self, message: Message) -> None:
        answers = None if message.reply_to_chat else message.reply_to  # one of another chat may have a card's number
        place = answers and self._parts.places.at(self._desk.name, answers)
        draft = self._parts.drafts.get(place.draft_id) if place else None
        if place and draft and not is_stop(message.text):
            await self._reply(draft, place, message)
        elif message.text.startswith(SIGN):
            self._order(message)

    def _order(self, message: Message) -> None:
        if is_stop(message.text) or fresh(message.sent_at, started_at=self._parts.started_at, now=self._parts.clock()):
            self._tasks.create_task(self._obey(message.text))
        else:
            self._late.append(message.text)

    async def _obey(self, said: str) -> None:
        answer = await self._orders.obey(said)
        if answer.work:  # which may have ended by the time he is told of it
            self._tasks.create_task(self._follow(answer.work))
        await self._tell(answer.text)

    async def _follow(self, work: Work) -> None:
        await self._tell(await work.follow(silent))

    async def _reply(self, draft: Draft, place: Place, message: Message) -> None:
        said = message.text if message.kind is MessageKind.TEXT else ""
        choice = replies.parse(said, proposals=len(draft.proposals))
        outdated = _outdated(draft, place, message)
        log.info("desk.reply", extra={"draft_id": draft.draft_id, "choice": choice.kind, "outdated": outdated})
        name = self._parts.desks.card(draft).name
        if choice.kind is Kind.UNCLEAR:
            await self._tell(cards.UNCLEAR.format(name=name))
        elif choice.kind is not Kind.COMMENT and (outdated or not await self._choose(draft, choice, said)):
            await self._tell(cards.NOT_THAT.format(name=name))

    async def _choose(self, draft: Draft, choice: Choice, said: str) -> bool:
        """Do what the reply asks for; whether it still could be done, or is being done already."""
        match choice.kind:
            case Kind.NUMBER:
                return self._double.approve(draft.draft_id, choice.number, version=draft.version)
            case Kind.SKIP:
                return await self._double.skip(draft.draft_id, version=draft.version)
            case Kind.AGAIN:
                self._double.again(draft.draft_id, version=draft.version)
                return True
            case _:
                return self._double.say(draft.draft_id, said)

    async def _tell_of_late(self) -> None:
        if self._late:
            late, self._late = self._late, []
            await self._tell("\n".join([LATE, *late]))

    async def _tell(self, text: str) -> None:
        try:
            await self._desk.tell(text)
        except (Lost, Refused) as error:
            log.warning("desk.failed", extra={"desk": self._desk.name, "error": str(error) or "lost"})

    async def _notice_outages(self, link: Link) -> None:
        while True:
            await link.again()
            self._inbox.put_nowait(None)


async def heed_stops(notebook: Notebook, parts: Parts) -> None:
    """Obey a stop that the owner wrote while nobody listened, before anything is sent; a reader tells him afterwards.

    Where Telegram does not answer, it does not say either what stands in a chat, and nothing is sent blindly.
    """
    up_to = parts.handled.up_to(parts.owner.peer_id)
    try:
        found = [] if up_to is None else await notebook.saved_since(up_to)
    except (Lost, Refused) as error:
        log.warning("desk.failed", extra={"desk": SavedMessages.name, "error": str(error) or "lost"})
        return
    for message in found:
        if _by_hand(message) and is_stop(message.text):
            try:
                await stop(parts, parse(message.text)[1])
            except DoppelgangerError:
                log.info("order.unclear", extra={"order": STOP})


def _by_hand(message: Message) -> bool:
    """Whether the owner wrote it just there: not the double, nobody whose words he keeps, and no other bot."""
    return not (message.forwarded or message.via_bot or message.text.startswith(MARK))


def _outdated(draft: Draft, place: Place, message: Message) -> bool:
    """Whether the owner may have replied to other proposals than the draft has now."""
    if draft.state is not DraftState.OPEN or place.version != draft.version:
        return True
    return place.since is not None and message.sent_at <= place.since + READING
