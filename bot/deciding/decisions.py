"""What was decided about which message, when, and why: rows of ids, times and codes, without a word of anybody's."""

from collections import Counter
from datetime import datetime, timedelta

from sqlite_utils import Database

from bot.deciding.policy import Decision
from exporter.messages import Message

KEPT = timedelta(days=30)


class Decisions:
    """All decisions of the last `KEPT`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = database.table("decision")

    def record(self, message: Message, decision: Decision, now: datetime) -> None:
        """Remember what became of a chat's newest message, and let go of what is older than `KEPT`."""
        self._table.insert(
            {
                "chat_id": message.chat_id,
                "message_id": message.message_id,
                "action": decision.action,
                "reason": decision.reason,
                "said_at": int(message.sent_at.timestamp()),
                "decided_at": int(now.timestamp()),
            }
        )
        self._table.delete_where("decided_at < ?", [int((now - KEPT).timestamp())])


def decided_since(database: Database, moment: datetime) -> Counter[tuple[str, str]]:
    """How often each (action, reason) was decided since then; of a message decided on twice, the last counts."""
    found = database.execute(
        """
        select action, reason, count(*) from decision where decision_id in (
            select max(decision_id) from decision where decided_at >= ? group by chat_id, message_id
        ) group by action, reason
        """,
        [int(moment.timestamp())],
    )
    return Counter({(action, reason): count for action, reason, count in found})
