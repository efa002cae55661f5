"""Whether what was read of a chat still stands: a stamp that changes with it, from indexes alone."""

from datetime import datetime

from exporter.storing.store import Store

Stamp = tuple[int, ...]


def stamp(store: Store, chat_id: int, *, before: datetime) -> Stamp:
    """Changes when anything that was sent before that moment comes in, is edited, deleted or erased.

    Of two edits within one second the second is not seen, as in the versions that are kept. 100,000 messages take some
    milliseconds.
    """
    parts = store.parts(chat_id)
    early = f"chat_id in ({', '.join('?' * len(parts))}) and sent_at < ?"
    found = store.database.execute(
        f"""
        select * from
            (select count(*), total(serial) from messages where {early}),
            (select count(*), total(serial) from messages where {early} and deleted_at is not null),
            (select count(*) from message_version join messages using (chat_id, message_id) where {early})
        """,  # noqa: S608 - question marks
        [*parts, int(before.timestamp())] * 3,
    )
    return tuple(map(int, found.fetchone()))
