"""Whether all that the double sent was right: policy, written once more for the soak, over the server's own log.

It asks neither the bot's books nor its code. Where the bot could not have known yet, it is given `GRACE`.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from telethon.utils import get_peer_id

from sandbox.faults import Call
from tests.bot.town.marks import ASKED, answered_by, generation_of
from tests.bot.town.town import SPOKEN, Kind
from tests.bot.town.truth import Said, Truth

GRACE = 3.0
"""Seconds from what forbids to the last message that may still come: a request under way, on a busy machine."""
FRESH = 600
UNDER_WAY = 1.0
"""Seconds that a message may take from the last look to Telegram."""
MISSED = 15.0
"""Seconds in which a bot finds out that a message was deleted, though nobody told it."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The figures of policy, as the configuration has them."""

    lease: float
    """Seconds."""
    per_chat: int
    in_all: int
    in_a_row: int
    notice: str


class Referee:
    """Looks at a soak when it is over."""

    def __init__(self, truth: Truth, calls: Sequence[Call], bounds: Bounds) -> None:
        self._truth, self._bounds = truth, bounds
        self._town = truth.town
        self._calls = [call for call in calls if call.user_id == self._town.world.owner.id]
        self.sent = [said for said in truth.said if said.by_bot]
        """What the double said to others, in order."""

    def complaints(self) -> list[str]:
        """Everything that was wrong; empty where all was right."""
        return [*self._repeated(), *self._asked_wrongly(), *self._sent_wrongly()]

    @cached_property
    def automatic(self) -> list[Said]:
        """What the owner did not choose."""
        return [said for said in self.sent if not self._chosen(said)]

    def _repeated(self) -> Iterator[str]:
        """Nothing is there twice, nothing went astray, and each random_id stands for one message."""
        times = Counter((said.chat_id, said.text) for said in self.sent)
        yield from (f"{count} times in {chat_id}: {text}" for (chat_id, text), count in times.items() if count > 1)
        asked = defaultdict(set)
        for call in self._of("messages.sendMessage"):
            asked[call.request.random_id].add((str(call.request.peer), call.request.message))
        yield from (f"one random_id for {told}" for told in asked.values() if len(told) > 1)
        chats = defaultdict(set)
        for said in self.sent:
            chats[generation_of(said.text)].add(said.chat_id)
            word = self._town.by_id[said.chat_id].word
            if generation_of(said.text) and said.text.split()[0] != word:
                yield f"{said.text} went to the chat of {word}"
        yield from (f"{one} went to {ids}" for one, ids in chats.items() if one and len(ids) > 1)

    def _asked_wrongly(self) -> Iterator[str]:
        """What was asked of Telegram about chats that are none of the double's business."""
        allowed = {
            "messages.sendMessage": SPOKEN,
            "messages.setTyping": SPOKEN,
            "messages.readHistory": {Kind.AUTO},
            "messages.getHistory": {*SPOKEN, Kind.UNLISTED, Kind.OFF, Kind.DELETED},
        }
        for method, kinds in allowed.items():
            for call in self._of(method):
                contact = self._town.by_id.get(self._chat(call))
                if contact and contact.kind not in kinds:
                    yield f"{method} of {contact.kind} {contact.chat_id}"

    def _sent_wrongly(self) -> Iterator[str]:
        answered: set[tuple[int, str]] = set()
        for number, said in enumerate(self.sent, 1):
            for why in (*self._forbidden(said), *(self._unasked(said, number) if said in self._automatic else ())):
                yield f"{why}: {said.text} in {said.chat_id} at {said.at:.3f}"
        for said in self.automatic:
            answered.add((said.chat_id, generation_of(said.text) or ""))
        replies = Counter((chat_id, self._question(chat_id, one)) for chat_id, one in answered if one)
        yield from (f"{count} answers by itself to {what}" for what, count in replies.items() if count > 1)

    @cached_property
    def _automatic(self) -> frozenset[Said]:
        return frozenset(self.automatic)

    @cached_property
    def _questions(self) -> dict[str, int]:
        return {generation_of(said.text) or "": answered_by(said.text) for said in self.sent}

    def _question(self, chat_id: int, generation: str) -> int:
        return self._questions[generation]

    def _forbidden(self, said: Said) -> Iterator[str]:
        """What speaks against any message of the double's."""
        if self._town.by_id[said.chat_id].kind not in SPOKEN:
            yield "never there"
        for ban in self._truth.bans:
            if ban.chat_id in (0, said.chat_id) and ban.begin + GRACE < said.at < ban.end:
                yield f"forbidden since {ban.begin:.3f}"
        looked = self._looked(said)
        for choice in self._truth.choices:
            if self._is_of(said, choice.generations, choice.words) and choice.at <= said.at:
                break
        else:
            return
        if any(choice.at < word.at < looked for word in self._by_hand(said.chat_id)):
            yield "the owner wrote himself since he chose"

    def _unasked(self, said: Said, number: int) -> Iterator[str]:
        """What speaks against a message that the owner did not choose, the `number`th of all."""
        bounds, looked = self._bounds, self._looked(said)
        before = [one for one in self._chats[said.chat_id] if one.at < looked and not self._gone(one, looked)]
        if self._town.by_id[said.chat_id].kind is not Kind.AUTO:
            yield "by itself"
        for word in self._by_hand(said.chat_id):
            if word.at < looked and said.at < int(word.at) + bounds.lease:
                yield f"the owner wrote himself at {word.at:.3f}"
        theirs = [one for one in before if not one.by_owner]
        others = [one for one in before if not one.by_bot]
        since = [one for one in self._chats[said.chat_id] if looked <= one.at < said.at and not one.by_owner]
        standing = [one for one in theirs if not self._gone(one, said.at)]
        heard = [*standing[-1:], *theirs[-1:], *since]  # which of them the bot knew of, nobody can tell
        if not since and (not others or others[-1].by_owner):
            yield "nobody waits for an answer"
        elif said.text != self._notice and not any(
            answered_by(said.text) in self._asked(one, said.at) for one in heard
        ):
            yield f"something newer was said: {heard[-1].text}"
        if theirs and said.at - int(theirs[-1].at) > FRESH + 1:
            yield "stale"
        if heard and heard[-1].message.date < int(max(one for one in self._truth.lives if one <= said.at)):
            yield "from before the start"
        if sum(one.by_bot and one.at <= said.at for one in self._chats[said.chat_id]) > bounds.per_chat:
            yield "over the cap of the chat"
        if number > bounds.in_all:
            yield "over the cap"
        if self._in_a_row(before, said) > bounds.in_a_row:
            yield "too many in a row"

    def _in_a_row(self, before: Sequence[Said], said: Said) -> int:
        """The double's own turns since the owner had a hand in the chat, with this one."""
        turns, theirs = 1, False
        for one in reversed(before):
            if one.by_owner and one not in self._automatic:
                break
            if one.by_owner and theirs and generation_of(one.text) != generation_of(said.text):
                turns, theirs = turns + 1, False
            theirs = theirs or not one.by_owner
        return turns

    def _asked(self, message: Said, at: float) -> set[int]:
        """The numbers that a message bore at any time, and those of what was deleted just after it."""
        texts = [message.text, message.message.text]
        later = [one for one in self._chats[message.chat_id] if one.at > message.at and not one.by_owner]
        texts += [one.text for one in later if self._gone(one, at) and not self._gone(one, at - MISSED)]
        return {int(number) for text in texts for number in ASKED.findall(text)}

    def _gone(self, said: Said, at: float) -> bool:
        number = self._truth.numbers[said.message]
        return self._truth.deleted.get(number, at) < at

    def _chosen(self, said: Said) -> bool:
        return any(
            self._is_of(said, choice.generations, choice.words) and choice.at <= said.at
            for choice in self._truth.choices
        )

    def _is_of(self, said: Said, generations: frozenset[str], words: str | None) -> bool:
        return said.text == words or generation_of(said.text) in generations

    @cached_property
    def _chats(self) -> dict[int, list[Said]]:
        return self._truth.in_chat()

    def _by_hand(self, chat_id: int) -> list[Said]:
        return [one for one in self._chats[chat_id] if one.by_owner and not one.by_bot]

    @cached_property
    def _looks(self) -> dict[int, list[float]]:
        """When the bot looked into each chat."""
        looks = defaultdict(list)
        for call in self._of("messages.getHistory"):
            looks[self._chat(call)].append(call.at)
        return looks

    def _looked(self, said: Said) -> float:
        """When the bot last looked into the chat before it sent this: up to then, it must know what stands there.

        A sync looks, too, between the outbox's look and its request; so the last second does not count.
        """
        looks = self._looks[said.chat_id]
        place = bisect_left(looks, said.at)
        return min(looks[place - 1], said.at - UNDER_WAY) if place else 0.0

    def _of(self, method: str) -> Iterator[Call]:
        return (call for call in self._calls if call.method == method)

    def _chat(self, call: Call) -> int:
        """The chat's marked id; 0 for Saved Messages."""
        peer = call.request.peer
        return 0 if type(peer).__name__ == "InputPeerSelf" else get_peer_id(peer)

    @property
    def _notice(self) -> str:
        return self._bounds.notice
