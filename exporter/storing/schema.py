"""The tables of the exporter, as migrations: appended to, never changed once released."""

from sqlite_utils import Database, Migrations

migrations = Migrations("exporter")

_WHOLE_MESSAGE = {
    "quote": str,
    "reply_to_chat": int,
    "origin_id": int,
    "origin_name": str,
    "album": int,
    "topic": int,
    "action": str,
    "reactions": str,
    "expires_at": int,
    "deleted_at": int,
}

_KEEP_VERSION = """
    create trigger keep_version after update of text, kind on messages
    when old.text <> new.text or old.kind <> new.kind
    begin
        insert into message_version (chat_id, message_id, said_at, text, kind)
        select old.chat_id, old.message_id, coalesce(old.edited_at, old.sent_at), old.text, old.kind
        where not exists (
            select 1 from message_version
            where chat_id = old.chat_id and message_id = old.message_id
            and said_at = coalesce(old.edited_at, old.sent_at)
        );
    end
"""
"""Of versions of one second, the first. `insert or ignore` would not ignore: the upsert that fires it has the say."""


def _plain(text: str) -> str:
    return f"replace(replace({text}, 'ё', 'е'), 'Ё', 'Е')"


_UNINDEX = f"""
    insert into message_words (message_words, rowid, text, chat_id)
    values ('delete', old.serial, {_plain("old.text")}, old.chat_id);
"""  # noqa: S608
_INDEX_EDIT = f"""
    create trigger index_edit after update of text, chat_id on messages
    when (old.text <> new.text or old.chat_id <> new.chat_id) and old.serial <= (select upto from indexed)
    begin
        {_UNINDEX}
        insert into message_words (rowid, text, chat_id)
        values (new.serial, {_plain("new.text")}, new.chat_id);
    end
"""  # noqa: S608
_INDEX_DELETION = f"""
    create trigger index_deletion after delete on messages when old.serial <= (select upto from indexed)
    begin
        {_UNINDEX}
        update indexed set upto = min(upto, (select coalesce(max(serial), 0) from messages));
    end
"""  # noqa: S608


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


@migrations()
def m004_whole_messages(db: Database) -> None:
    """All that a message carries, what it said before, and what Telegram says of its chat.

    What an edit replaced is kept by the database itself, so that no way to write can forget it.
    """
    messages = db.table("messages")
    for column, kind in _WHOLE_MESSAGE.items():
        messages.add_column(column, kind)
    db.execute("create index messages_that_expire on messages (expires_at) where expires_at is not null")
    db.table("message_version").create(
        {"chat_id": int, "message_id": int, "said_at": int, "text": str, "kind": str},
        pk=("chat_id", "message_id", "said_at"),
        not_null={"text", "kind"},
        strict=True,
    )
    db.execute(_KEEP_VERSION)
    db.table("dialog").create(
        {"chat_id": int, "top": int, "messages": int, "protected": int, "gone": int, "checked_at": int},
        pk="chat_id",
        not_null={"top", "protected", "gone"},
        strict=True,
    )
    db.table("topic").create(
        {"chat_id": int, "topic_id": int, "title": str}, pk=("chat_id", "topic_id"), not_null={"title"}, strict=True
    )
    db.table("migrated_group").create(
        {"group_id": int, "chat_id": int}, pk="group_id", not_null={"chat_id"}, strict=True
    )


@migrations()
def m005_folders(db: Database) -> None:
    """In which of the owner's folders a chat lies, as a list of titles in JSON."""
    db.table("dialog").add_column("folders", str)


@migrations()
def m006_sync_request(db: Database) -> None:
    """What other processes ask of the one that has the account; a row lasts as long as somebody waits for it."""
    db.table("sync_request").create(
        {"request_id": int, "wish": str, "state": str, "step": str, "outcome": str},
        pk="request_id",
        not_null={"wish", "state"},
        strict=True,
    )


@migrations()
def m007_serial(db: Database) -> None:
    """A number of each message that nothing changes: SQLite itself may change rowids when it compacts the file."""
    messages = db.table("messages")
    columns = messages.columns_dict
    dependents = db.execute(
        "select sql from sqlite_master where tbl_name = 'messages' and type in ('index', 'trigger') and sql is not null"
    ).fetchall()
    db.table("numbered").create(
        {"serial": int, **columns},
        pk="serial",
        not_null={column.name for column in messages.columns if column.notnull},
        strict=True,
    )
    names = ", ".join(columns)
    db.execute(f"insert into numbered ({names}) select {names} from messages order by rowid")  # noqa: S608
    messages.drop()
    db.execute("alter table numbered rename to messages")
    db.execute("create unique index messages_by_id on messages (chat_id, message_id)")
    for (statement,) in dependents:
        db.execute(statement)


@migrations()
def m008_message_words(db: Database) -> None:
    """A full-text index of messages up to the serial `indexed.upto`; `fulltext` takes in what is newer.

    New messages cost nothing here. What is indexed is kept current by the database itself, and a serial that is given
    out a second time lies above `upto` again. A chat's id is a word of each of its messages, by which the index alone
    finds those of one chat. Combining marks and vowel signs belong to their words; ё is е, as most people write it.
    """
    db.execute(f"create view message_text as select serial, {_plain('text')} as text, chat_id from messages")  # noqa: S608
    db.execute(
        """
        create virtual table message_words using fts5 (
            text, chat_id, content = 'message_text', content_rowid = 'serial',
            tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc' separators '\ufe0f'"
        )
        """
    )
    db.table("indexed").create({"upto": int}, not_null={"upto"}, strict=True)
    db.table("indexed").insert({"upto": 0})
    db.execute(_INDEX_EDIT)
    db.execute(_INDEX_DELETION)


@migrations()
def m009_forgotten(db: Database) -> None:
    """The deny list: ids alone of who is not to be kept, and of what they had said in the chats of others."""
    db.table("forgotten").create(
        {"peer_id": int, "contact_id": int, "since": int, "erased_at": int},
        pk="peer_id",
        not_null={"contact_id", "since"},
        strict=True,
    )
    db.table("forgotten_message").create(
        {"chat_id": int, "message_id": int, "contact_id": int},
        pk=("chat_id", "message_id"),
        not_null={"contact_id"},
        strict=True,
    )
    db.execute("create index messages_that_quote on messages (reply_to) where quote is not null")


@migrations()
def m010_consent(db: Database) -> None:
    """To what the people in a chat agreed, and until when. Nothing is ever taken out of it."""
    db.table("consent").create(
        {"chat_id": int, "scope": str, "granted_at": int, "revoked_at": int, "note": str},
        pk=("chat_id", "scope", "granted_at"),
        not_null={"chat_id", "scope", "granted_at"},
        strict=True,
    )


@migrations()
def m011_ghostwritten(db: Database) -> None:
    """Messages of the owner's whose words are a model's."""
    db.table("ghostwritten").create({"chat_id": int, "message_id": int}, pk=("chat_id", "message_id"), strict=True)


@migrations()
def m012_deleted(db: Database) -> None:
    """Which messages are deleted, to be told without a look at all the others."""
    db.execute("create index messages_deleted on messages (chat_id, sent_at) where deleted_at is not null")
