"""The tables of the exporter, as migrations: appended to, never changed once released."""

from sqlite_utils import Database, Migrations

migrations = Migrations("exporter")


@migrations()
def m001_history(db: Database) -> None:
    """Peers and their messages; times are whole seconds since 1970."""
    db.table("peers").create(
        {"peer_id": int, "kind": str, "name": str, "username": str, "access_hash": int},
        pk="peer_id",
        not_null={"kind", "name"},
        strict=True,
    )
    messages = db.table("messages").create(
        {
            "chat_id": int,
            "message_id": int,
            "sender_id": int,
            "sent_at": int,
            "outgoing": int,
            "text": str,
            "kind": str,
            "emoji": str,
            "duration": int,
            "reply_to": int,
            "forwarded": int,
            "via_bot": int,
            "edited_at": int,
        },
        pk=("chat_id", "message_id"),
        not_null={"sender_id", "sent_at", "outgoing", "text", "kind", "forwarded", "via_bot"},
        strict=True,
    )
    messages.create_index(["chat_id", "sent_at", "message_id"])


@migrations()
def m002_intervals(db: Database) -> None:
    """Stretches of message ids known complete: what a sync need not ask for again."""
    db.table("sync_interval").create(
        {"chat_id": int, "lo": int, "hi": int}, pk=("chat_id", "lo"), not_null={"hi"}, strict=True
    )


@migrations()
def m003_flood_wait(db: Database) -> None:
    """Waits that Telegram asked for: a restart must not ask again before they are over."""
    db.table("flood_wait").create({"method": str, "until": int}, pk="method", not_null={"until"}, strict=True)
