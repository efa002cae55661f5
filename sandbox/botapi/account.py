"""One bot: its view of the world, the chats it may write to, and what it is told. Knows no HTTP."""

from aiogram.types import BotCommand

from sandbox.botapi import render
from sandbox.botapi.updates import Updates
from sandbox.box import Conversation
from sandbox.errors import Refused
from sandbox.events import Edited, Event, NewMessage, Pressed
from sandbox.values import Message, Peer, User
from sandbox.world import World


class Account:
    """A bot since its first call; what came before that call waits in logs, and is told first."""

    def __init__(self, world: World, bot: User) -> None:
        self.world = world
        self.bot = bot
        self.updates = Updates()
        self.commands: dict[str, list[BotCommand]] = {}
        """By scope, as JSON."""
        channels = (talk.log for talk in world.box(bot).conversations.values() if talk.log is not None)
        for log in (world.box(bot), *channels):
            for event in log.events:
                self._hear(event)
        self._unsubscribe = world.subscribe(bot, lambda event, _pts, _origin: self._hear(event))

    def close(self) -> None:
        """Hear no more; a poll that waits returns."""
        self._unsubscribe()
        self.updates.wake()

    def peer(self, chat_id: int | str) -> Peer:
        """Who has this id or @username.

        Raises:
            Refused: nobody.
        """
        wanted = str(chat_id)
        found: Peer | None
        if wanted.startswith("@"):
            found = self.world.named(wanted)
        else:
            found = self.world.peer(int(wanted)) if wanted.removeprefix("-").isdecimal() else None
        if found is None:
            raise Refused(400, "Bad Request: chat not found" if wanted else "Bad Request: chat_id is empty")
        return found

    def conversation(self, chat_id: int | str) -> Conversation:
        """A chat that the bot may write to: its group, or a person who wrote to it first.

        Raises:
            Refused: 400 no such chat; 403 not in the group, or not started by the person.
        """
        peer = self.peer(chat_id)
        found = self.world.box(self.bot).conversations.get(peer.key)
        if found is not None and self.bot.id not in found.left and (found.group or found.messages):
            return found
        if not isinstance(peer, User):
            raise Refused(403, f"Forbidden: bot is not a member of the {render.kind_of(peer)} chat")
        if peer.bot:
            raise Refused(403, "Forbidden: bots can't send messages to bots")
        raise Refused(403, "Forbidden: bot can't initiate conversation with a user")

    def find(self, chat_id: int | str | None, message_id: int | None, *, purpose: str) -> Message:
        """The message that bears this number in the bot's own box.

        Raises:
            Refused: 400, no such message "to `purpose`".
        """
        if chat_id is None or message_id is None:
            raise Refused(400, "Bad Request: message identifier is not specified")
        found = self.conversation(chat_id).find(self.bot, message_id)
        if found is None:
            raise Refused(400, f"Bad Request: message {purpose} not found")
        return found

    def _hear(self, event: Event) -> None:
        match event:
            case NewMessage(message) if message.sender != self.bot and message.action is None:
                self.updates.push(render.told_as(message), render.message(message, self.bot))
            case Edited(message) if message.sender != self.bot:
                self.updates.push(f"edited_{render.told_as(message)}", render.message(message, self.bot))
            case Pressed():
                self.updates.push("callback_query", render.press(event, self.bot))
