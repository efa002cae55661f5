"""What Telegram says instead of doing what it was asked, and what the double does then: one table. Pure.

The names are Telegram's own, without the number at their end. What ends the session is not here: it ends the bot, as
`exporter.account.refusals` explains it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Refused(Exception):
    """Telegram said no: the request was not carried out. `code` is its own word for why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Wait(Refused):
    """The same, and it says from when on it may be asked again."""

    def __init__(self, code: str, until: datetime) -> None:
        super().__init__(code)
        self.until = until


class Lost(Exception):
    """No answer came: the request may have been carried out or not."""


class Unsent(Lost):
    """Nobody is connected: the request was not even sent."""


class AlreadySent(Exception):
    """Telegram knows this random_id: the message was sent before."""


class Reaction(StrEnum):
    """What the double does."""

    REST = "rest"
    """Asks for nothing more of that method, in any chat, until Telegram's wait is over; a restart changes nothing."""
    PAUSE = "pause"
    """Sends nothing more in that chat until the wait is over."""
    DROP = "drop"
    """Gives up this one message."""
    LEAVE = "leave"
    """Leaves the chat alone, until the owner says otherwise."""
    HALT = "halt"
    """Sends nothing to anybody for a day; a restart changes nothing."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table."""

    reaction: Reaction
    why: str
    """For the owner, as the end of a sentence: not sent, for …"""


_NO_WRITING = Rule(Reaction.LEAVE, "you may not write in this chat")
_FROZEN = Rule(Reaction.HALT, "Telegram froze your account; Telegram's app tells how to appeal")

TOO_LATE = "TOO_LATE"
"""Ours, not Telegram's: what the owner chose was left for too long."""
UNHEARD = "UNHEARD"
"""Not Telegram's: somebody said something in the chat of which no update came, and the message no longer fits."""
STOPPED = "STOPPED"
"""Not Telegram's: the owner said stop."""
STOP_FILE = "STOP_FILE"
"""Not Telegram's: the file that stops all is there."""

RULES: Mapping[str, Rule] = {
    "FLOOD_WAIT": Rule(Reaction.REST, "Telegram asks for a pause"),
    "FLOOD_PREMIUM_WAIT": Rule(Reaction.REST, "Telegram asks for a pause"),
    "SLOWMODE_WAIT": Rule(Reaction.PAUSE, "the chat is in slow mode"),
    "PEER_FLOOD": Rule(Reaction.HALT, "Telegram took what you send for spam; @SpamBot tells for how long"),
    "FROZEN_METHOD_INVALID": _FROZEN,
    "FROZEN_PARTICIPANT_MISSING": _FROZEN,
    "USER_IS_BLOCKED": Rule(Reaction.LEAVE, "they blocked you"),
    "YOU_BLOCKED_USER": Rule(Reaction.LEAVE, "you blocked them"),
    "INPUT_USER_DEACTIVATED": Rule(Reaction.LEAVE, "their account was deleted"),
    "ALLOW_PAYMENT_REQUIRED": Rule(Reaction.LEAVE, "they ask for payment, which the double never makes"),
    "PRIVACY_PREMIUM_REQUIRED": Rule(Reaction.LEAVE, "they take messages from Premium accounts only"),
    "CHAT_WRITE_FORBIDDEN": _NO_WRITING,
    "CHAT_SEND_PLAIN_FORBIDDEN": _NO_WRITING,
    "CHAT_GUEST_SEND_FORBIDDEN": _NO_WRITING,
    "CHAT_ADMIN_REQUIRED": _NO_WRITING,
    "USER_BANNED_IN_CHANNEL": _NO_WRITING,
    "CHAT_RESTRICTED": _NO_WRITING,
    "CHAT_FORBIDDEN": _NO_WRITING,
    "CHANNEL_PRIVATE": Rule(Reaction.LEAVE, "you are no longer in this chat"),
    "TOPIC_CLOSED": Rule(Reaction.LEAVE, "the topic is closed"),
    UNHEARD: Rule(Reaction.DROP, "you wrote there yourself"),
    "TOO_MUCH_SAID": Rule(Reaction.DROP, "too much was said there since to look through it"),
    TOO_LATE: Rule(Reaction.DROP, "it could not be sent in time"),
    STOPPED: Rule(Reaction.DROP, "you stopped it"),
    STOP_FILE: Rule(Reaction.DROP, "the file STOP lies in the state folder"),
    "PEER_UNKNOWN": Rule(Reaction.DROP, "Telegram never told how to reach this chat; sync it first"),
    "PEER_ID_INVALID": Rule(Reaction.LEAVE, "Telegram no longer knows this chat"),
    "MESSAGE_TOO_LONG": Rule(Reaction.DROP, "it is too long for one message"),
    "MESSAGE_EMPTY": Rule(Reaction.DROP, "there is nothing in it that Telegram would show"),
}


def rule(code: str) -> Rule:
    """What to do about a refusal. One that nobody knows costs the one message, and is told by its own name."""
    return RULES.get(code) or Rule(Reaction.DROP, f"Telegram refused it ({code})")
