"""Why the double did what it did, in words for its owner: on a card, and in the status. Pure."""

from collections.abc import Mapping

from bot.deciding.guard import Concern
from bot.deciding.policy import Reason

WHY: Mapping[str, str] = {
    Reason.UNLISTED: "they are off",
    Reason.NO_CONSENT: "nobody wrote down that they agree",
    Reason.NOT_A_PERSON: "it is no person",
    Reason.NOTHING_SAID: "nothing was said",
    Reason.OWNER_ANSWERED: "you answered yourself",
    Reason.REFUSED: "nothing is sent there for now",
    Reason.BY_A_BOT: "a bot wrote it",
    Reason.NOT_ADDRESSED: "nobody spoke to you",
    Reason.OWNER_TALKS: "you are talking there yourself",
    Reason.MODEL_FAILED: "the model failed; it is tried again",
    Reason.GROUP: "it is a group",
    Reason.MODE: "as you chose",
    Reason.HALTED: "nothing is sent to anybody for now",
    Reason.STALE: "it is too old, or from before I began",
    Reason.OWNER_PRESENT: "you are here",
    Reason.FIRST_CONTACT: "you never wrote there yourself",
    Reason.QUIET_HOURS: "these are your quiet hours",
    Reason.CONTACT_CAP: "enough went to this chat for now",
    Reason.CAP: "enough was sent for now",
    Reason.IN_A_ROW: "I answered often enough in a row",
    Reason.LOOP: "this looks like another machine",
    Reason.UNSURE: "I am not sure what you would say",
    Concern.IDENTITY: "it asks who answers",
    Concern.CODE: "it is about codes or passwords",
    Concern.MONEY: "it is about money",
    Concern.HEALTH: "it is about health",
    Concern.GRIEF: "somebody is sad",
    Concern.CONFLICT: "somebody is angry",
    Concern.PROMISE: "it would promise something",
    Concern.PLACE: "it is about a place",
    Concern.TIME: "it is about a time",
    Concern.NUMBER: "there is a number in it",
    Concern.LINK: "there is a link in it",
    Concern.UNSEEN: "I cannot see or hear what they sent",
    Concern.LANGUAGE: "I do not understand it well enough",
}
"""All reasons of the policy's, as the end of a sentence."""
_AS_WANTED = (Reason.GROUP, Reason.MODE)
_UNTIL_HE_ACTS = (Reason.IN_A_ROW, Reason.LOOP)


def why(reason: str) -> str:
    """A reason as the end of a sentence; one of another version by its own name."""
    return WHY.get(reason, reason)


def why_not_sent(reason: str | None) -> str:
    """What a card says of why the double did not answer by itself; nothing where the owner wants to be asked."""
    if reason is None or reason not in WHY or reason in _AS_WANTED:
        return ""
    if reason in _UNTIL_HE_ACTS:
        return f"Stopped: {WHY[reason]}. Write or choose something here, and I go on."
    return f"Not sent by itself: {WHY[reason]}."
