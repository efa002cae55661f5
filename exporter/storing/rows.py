"""How peers and messages lie in SQLite: columns, what writes them, and the way there and back. It opens no database.

Times are whole seconds since 1970, truths 0 and 1, reactions a list in JSON or nothing.
"""

import json
from dataclasses import fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from exporter.messages import Dialog, Message, MessageKind, Peer, PeerKind, Reaction

Row = tuple[Any, ...]

MESSAGE = tuple(field.name for field in fields(Message))
"""Columns of `messages`, the primary key first."""
PEER = tuple(field.name for field in fields(Peer))
DIALOG = tuple(field.name for field in fields(Dialog))

NEWEST_EDIT = f"""
    insert into messages ({", ".join(MESSAGE)}) values ({", ".join("?" * len(MESSAGE))})
    on conflict (chat_id, message_id) do update
    set {", ".join(f"{column} = excluded.{column}" for column in MESSAGE[2:] if column != "deleted_at")}
    where coalesce(excluded.edited_at, 0) >= coalesce(messages.edited_at, 0)
"""  # noqa: S608 - column names of our own, here and below
"""Write a message, unless what is stored was edited later."""
LATER_EDIT = NEWEST_EDIT.replace(">=", ">")
"""Write a message, unless what is stored was edited as late or later."""
SAVE_PEER = f"""
    insert into peers ({", ".join(PEER)}) values ({", ".join("?" * len(PEER))})
    on conflict (peer_id) do update set
        kind = excluded.kind,
        name = excluded.name,
        username = iif(excluded.access_hash is null, username, excluded.username),
        access_hash = coalesce(excluded.access_hash, access_hash)
"""  # noqa: S608 - who comes without an access_hash comes from an import, which must not erase what Telegram told

_values = attrgetter(*MESSAGE)
_TIMES = tuple(MESSAGE.index(column) for column in ("sent_at", "edited_at", "expires_at", "deleted_at"))
EPOCH = datetime.fromtimestamp(0, UTC)
"""Before all messages."""
_TRUTHS = tuple(MESSAGE.index(column) for column in ("outgoing", "forwarded", "via_bot"))
_KIND, _REACTIONS = MESSAGE.index("kind"), MESSAGE.index("reactions")


def message_row(message: Message) -> Row:
    """A message as a row of `MESSAGE`."""
    row = list(_values(message))
    for index in _TIMES:
        if row[index] is not None:
            row[index] = int(row[index].timestamp())
    for index in _TRUTHS:  # what is of SQLite's own types is bound at once, all else is looked up among adapters
        row[index] = int(row[index])
    row[_KIND] = message.kind.value
    row[_REACTIONS] = reactions_json(message.reactions)
    return tuple(row)


def to_message(row: Row) -> Message:
    """A row of `MESSAGE` as a message."""
    values = list(row)
    for index in _TIMES:
        values[index] = moment(values[index])
    for index in _TRUTHS:
        values[index] = bool(values[index])
    values[_KIND] = MessageKind(values[_KIND])
    reactions = values[_REACTIONS]
    values[_REACTIONS] = tuple(Reaction(*one) for one in json.loads(reactions)) if reactions else ()
    return Message(*values)


def reactions_json(reactions: tuple[Reaction, ...]) -> str | None:
    """Reactions as the column has them."""
    if not reactions:
        return None
    return json.dumps([[one.emoji, one.count, one.own] for one in reactions], ensure_ascii=False)


def to_peer(row: Row) -> Peer:
    """A row of `PEER` as a peer."""
    peer_id, kind, *rest = row
    return Peer(peer_id, PeerKind(kind), *rest)


def dialog_row(dialog: Dialog) -> Row:
    """A dialog as a row of `DIALOG`."""
    checked = None if dialog.checked_at is None else int(dialog.checked_at.timestamp())
    folders = None if dialog.folders is None else json.dumps(dialog.folders, ensure_ascii=False)
    return dialog.chat_id, dialog.top, dialog.messages, dialog.protected, dialog.gone, checked, folders


def to_dialog(row: Row) -> Dialog:
    """A row of `DIALOG` as a dialog."""
    chat_id, top, messages, protected, gone, checked, folders = row
    titles = None if folders is None else tuple(json.loads(folders))
    return Dialog(chat_id, top, messages, bool(protected), bool(gone), moment(checked), titles)


def moment(seconds: int | None) -> datetime | None:
    """A column of time as an aware moment."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
