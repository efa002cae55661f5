"""By which words of a soak are told apart, whoever quotes them."""

import re

GENERATION = re.compile(r"\bg\d+-\d+\b")
"""What a reply of the model's bears, in each of its messages: no two replies bear the same."""
ANSWERED = re.compile(r"\bre(\d+)\b")
"""In a reply, the number of the newest message that the model saw; see `ASKED`."""
ASKED = re.compile(r"\bm(\d+)\b")
"""What each message of a contact's bears."""
WORD = re.compile(r"\bq[a-z]{8}\b")
"""What all that is said in one chat bears."""
PROPOSAL = re.compile(r"^(\d)\. (.*)$", re.MULTILINE)


def generation_of(text: str) -> str | None:
    """Which reply of the model's this message is part of; None where it is somebody's own words."""
    found = GENERATION.search(text)
    return found[0] if found else None


def answered_by(text: str) -> int:
    """To which message of a contact's a reply is."""
    found = ANSWERED.search(text)
    return int(found[1]) if found else 0


def proposals_of(card: str) -> dict[int, str]:
    """By its number, which reply of the model's a card offers; empty where it offers nothing any more."""
    found = {int(number): generation_of(text) for number, text in PROPOSAL.findall(card)}
    return {number: generation for number, generation in found.items() if generation}
