"""A made-up Telegram: who is there, what they said to each other, and who is told of it. No protocol in it.

Whoever serves a protocol subscribes to boxes and calls the same verbs that a test calls: say, edit, delete, read, type.
"""

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from sandbox.accounts import Accounts
from sandbox.attachments import Attachment
from sandbox.box import Conversation
from sandbox.errors import Refused
from sandbox.events import Answer, Deleted, Edited, Event, NewMessage, Pressed, ReadInbox, ReadOutbox, Status, Typing
from sandbox.export import load_export
from sandbox.faults import Call, Fault, Faults
from sandbox.values import Action, Entity, Forward, Message, Peer, User, keyboard

API_ID = 12345
API_HASH = "0123456789abcdef0123456789abcdef"
DC_ID = 2
"""Number of the one data centre."""
LOGIN_CODE = str(DC_ID) * 5
"""The code that reaches every phone, as on Telegram's own test servers: the DC's number five times."""

Rows = Sequence[Sequence[tuple[str, str]]]


class World(Accounts):
    """People, bots, groups, their conversations and boxes.

    Args:
        clock: gives seconds since 1970, for messages without a date.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock)
        self.faults = Faults()
        self._queries = itertools.count(1)
        self._presses: dict[int, asyncio.Future[Answer]] = {}

    @classmethod
    def load(cls, path: Path | str, owner: str | None = None) -> Self:
        """A world from a Telegram Desktop export; `owner` ("user123") where the file does not say whose it is.

        Raises:
            SandboxError: no export, or nobody knows its owner.
        """
        world = cls()
        load_export(world, Path(path), owner)
        return world

    # --- what they do

    def say(
        self,
        sender: User,
        receiver: Peer,
        text: str,
        *,
        date: float | None = None,
        silent: bool = False,
        entities: Sequence[Entity] = (),
        media: Attachment | None = None,
        reply_to: Message | None = None,
        forward: Forward | None = None,
        action: Action | None = None,
        keyboard_rows: Rows = (),
        origin: object = None,
    ) -> Message:
        """One message, to a person (oneself: Saved Messages) or a group.

        Args:
            date: seconds since 1970; now when left out. Say older things first.
            silent: history that lies there from before: nobody is told, everybody has read it.
            keyboard_rows: (text, callback data) of each button.
            origin: who should not be told since he did it.
        """
        conversation = self.conversation(sender, receiver)
        message = Message(
            conversation,
            len(conversation.messages),
            sender,
            int(self.clock() if date is None else date),
            text,
            entities=tuple(entities),
            media=media,
            reply_to=reply_to.index if reply_to else None,
            forward=forward,
            action=action,
            keyboard=keyboard(keyboard_rows),
        )
        self.place(message)
        if silent:
            conversation.read.update(dict.fromkeys(conversation.read, len(conversation.messages)))
            return message
        self._tell(conversation, NewMessage(message), origin)
        return message

    def place(self, message: Message, numbers: dict[int, int] | None = None) -> None:
        """Put a message at the end of its conversation, numbered by each box or as `numbers` (by user id) says."""
        conversation = message.conversation
        conversation.messages.append(message)
        for member in conversation.members:
            box = self._boxes[member.id]
            given = numbers.get(member.id) if numbers else None
            if given is None:
                given = box.number()
            elif given > box.last_id:
                box.last_id = given
            conversation.ids[member.id].append(given)

    def edit(
        self,
        message: Message,
        text: str | None = None,
        *,
        entities: Sequence[Entity] = (),
        keyboard_rows: Rows | None = None,
        date: float | None = None,
        origin: object = None,
    ) -> None:
        """Change its words, its buttons, or both; what is None stays.

        Raises:
            Refused: nothing would change.
        """
        new_text = message.text if text is None else text
        new_entities = message.entities if text is None else tuple(entities)
        new_keyboard = message.keyboard if keyboard_rows is None else keyboard(keyboard_rows)
        if (new_text, new_entities, new_keyboard) == (message.text, message.entities, message.keyboard):
            raise Refused(400, "MESSAGE_NOT_MODIFIED")
        message.text, message.entities, message.keyboard = new_text, new_entities, new_keyboard
        message.edited = int(self.clock() if date is None else date)
        self._tell(message.conversation, Edited(message), origin)

    def delete(self, *messages: Message, only_for: User | None = None, origin: object = None) -> None:
        """Take messages away from everyone, or from one box alone."""
        by_conversation: dict[int, list[Message]] = {}
        for message in messages:
            by_conversation.setdefault(id(message.conversation), []).append(message)
        for gone in by_conversation.values():
            conversation = gone[0].conversation
            for message in gone:
                conversation.remove(message, only_for)
            for member in conversation.members if only_for is None else (only_for,):
                ids = tuple(number for message in gone if (number := message.id_for(member)))
                self.box(member).tell(Deleted(conversation, ids), origin)

    def read(self, reader: User, peer: Peer, max_id: int = 0, *, origin: object = None) -> None:
        """The reader reads what stands there, up to his own number (0: everything); the others see the mark."""
        conversation = self.conversation(reader, peer)
        before, now = conversation.read[reader.id], conversation.index_up_to(reader, max_id)
        if now <= before:
            return
        conversation.read[reader.id] = now
        self.box(reader).tell(ReadInbox(conversation, conversation.id_of(reader, now - 1)), origin)
        newly = [message for message in conversation.messages[before:now] if message is not None]
        for member in conversation.members:
            own = [message for message in newly if message.sender.id == member.id]
            if own and member.id != reader.id:
                self.box(member).tell(ReadOutbox(conversation, own[-1].id_for(member)), origin)

    def type(self, user: User, peer: Peer, action: str = "typing", *, origin: object = None) -> None:
        """The others see that someone is writing, or, with "cancel", no longer is."""
        conversation = self.conversation(user, peer)
        for member in conversation.members:
            if member.id != user.id:
                self.box(member).tell(Typing(conversation, user, action), origin)

    def come_online(self, user: User, online: bool = True, *, origin: object = None) -> None:
        """Everyone who talks with the person, and his own other devices, see him come or go."""
        self.box(user).tell(Status(user, online), origin)
        for key in self.box(user).conversations:
            if key > 0 and key != user.id:
                self.box(self.users[key]).tell(Status(user, online), origin)

    async def press(self, user: User, message: Message, data: str | bytes, *, timeout: float = 10) -> Answer:  # noqa: ASYNC109
        """Press the button with this data; gives what the bot answered.

        Raises:
            Refused: no such button, or the bot did not answer in time.
        """
        wanted = data.encode() if isinstance(data, str) else data
        if not any(button.data.encode() == wanted for row in message.keyboard for button in row):
            raise Refused(400, "DATA_INVALID")
        query_id = next(self._queries)
        answered = self._presses[query_id] = asyncio.get_running_loop().create_future()
        self.box(message.sender).tell(Pressed(query_id, user, message, wanted), None)
        try:
            return await asyncio.wait_for(answered, timeout)
        except TimeoutError:
            raise Refused(400, "BOT_RESPONSE_TIMEOUT") from None
        finally:
            del self._presses[query_id]

    def answer(self, query_id: int, answer: Answer) -> None:
        """A bot answers a press.

        Raises:
            Refused: nobody waits for it any more.
        """
        waiting = self._presses.get(query_id)
        if waiting is None or waiting.done():
            raise Refused(400, "QUERY_ID_INVALID")
        waiting.set_result(answer)

    # --- what goes wrong

    def fault(self, method: str, **what: Any) -> None:
        """Let a method (or "*") go wrong; `what` as `Fault` has it: `error=(420, "FLOOD_WAIT_7")`, `after=2`, …"""
        self.faults.add(Fault(method, **what))

    @property
    def calls(self) -> list[Call]:
        """Every method that anyone called, in order."""
        return self.faults.calls

    def _tell(self, conversation: Conversation, event: Event, origin: object) -> None:
        for member in conversation.members:
            self.box(member).tell(event, origin)
