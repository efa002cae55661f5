"""The full-text index of messages, as upkeep: taking in what is new, and letting go of what was erased.

`schema` makes it, with the triggers that keep what is indexed current; `exporter.finding` asks it. New messages are not
indexed as they are written, for that would cost each sync half of its pace: whoever searches catches up first.
"""

from sqlite_utils import Database

from exporter.progress import Report, Step, silent
from exporter.storing.database import transaction

CHUNK = 20_000
"""Messages of one transaction: as long as others who write must wait, and what an interrupt loses; 0.2 s."""


def catch_up(database: Database, *, report: Report = silent) -> int:
    """Index what is not indexed yet; how many messages that were. 100,000 take about 0.7 s.

    It may be interrupted or killed at any time, and done beside whoever writes.
    """
    query = "select count(*) from messages where serial > (select upto from indexed)"
    total = database.execute(query).fetchone()[0]
    done = 0
    while chunk := index_chunk(database):
        done += chunk
        if total > CHUNK:
            report(Step("index", min(done, total), total))
    return done


def index_chunk(database: Database) -> int:
    """Index the oldest messages that are not indexed yet, some `CHUNK` of them; how many: 0 where there are none."""
    newer = "from messages where serial > (select upto from indexed) order by serial limit ?"
    with transaction(database):
        last = database.execute(f"select max(serial) from (select serial {newer})", [CHUNK]).fetchone()[0]  # noqa: S608
        if last is None:
            return 0
        indexed = database.execute(
            """
            insert into message_words (rowid, text, chat_id)
            select serial, text, chat_id from message_text where serial > (select upto from indexed) and serial <= ?
            """,
            [last],
        ).rowcount
        database.execute("update indexed set upto = ?", [last])
    return indexed


def let_go(database: Database) -> None:
    """Rewrite the index without the words of erased messages, which until then it only marks as gone.

    It belongs into the transaction that erases them. A million messages take about 0.7 s.
    """
    database.execute("insert into message_words (message_words) values ('optimize')")
