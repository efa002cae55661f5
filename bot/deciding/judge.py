"""What to do in one chat: takes the facts to the policy, and keeps what it decides."""

import logging

from bot.deciding.facts import Intent, situation
from bot.deciding.policy import Action, Decision, Situation, decide, ends_run
from bot.desks.drafts import Burst
from bot.parts import Parts
from exporter.messages import Message, Peer
from exporter.settings.modes import Mode

log = logging.getLogger(__name__)


class Judge:
    """Decides about one chat, as it stands whenever it is asked: before every step."""

    def __init__(self, parts: Parts, peer: Peer, mode: Mode) -> None:
        self._parts = parts
        self._peer = peer
        self.mode = mode
        self.live = True
        """The newest message came while the bot listened, and no answer to it failed; else it is at most drafted."""

    def decide(self, *, reply: Burst = (), likelihood: float | None = None) -> Decision:
        """What to do about the newest message; with a reply, whether that may be sent."""
        return decide(self._facts(Intent(reply, likelihood)), self._parts.settings.limits)

    def may_go_on(self, reply: Burst, answering: Message) -> bool:
        """Whether an answer on its way may still go out without the owner, message by message."""
        facts = self._facts(Intent(reply, answering=answering))
        return decide(facts, self._parts.settings.limits).action is Action.AUTO

    def ends_run(self, answering: Message) -> bool:
        """Whether, with what was just answered, the double comes to the end of what it may say in a row."""
        return ends_run(self._facts(Intent(answering=answering)), self._parts.settings.limits)

    def record(self, newest: Message, decision: Decision) -> None:
        """Remember what was decided, and why."""
        self._parts.decisions.record(newest, decision, self._parts.clock())
        log.info("decided", extra={"chat_id": self._peer.peer_id, "action": decision.action, "reason": decision.reason})

    def _facts(self, intent: Intent) -> Situation:
        return situation(self._parts, self._peer, self.mode, intent, live=self.live)
