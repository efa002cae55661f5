"""The bot's own tables, in the same file as the history: drafts, cards, the outbox, stops, what was decided."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlite_utils import Database, Migrations

from exporter.settings.config import Config
from exporter.storing.store import Store, open_store

migrations = Migrations("bot")


@migrations()
def m001_drafts(db: Database) -> None:
    """Proposals, and where each is shown; times are whole seconds since 1970."""
    drafts = db.table("draft").create(
        {
            "draft_id": int,
            "chat_id": int,
            "answers_to": int,
            "proposals": str,
            "state": str,
            "number": int,
            "opened_at": int,
            "closed_at": int,
        },
        pk="draft_id",
        not_null={"chat_id", "answers_to", "proposals", "state", "opened_at"},
        strict=True,
    )
    drafts.create_index(["state", "chat_id"])
    db.table("card").create(
        {"draft_id": int, "desk": str, "message_id": int},
        pk=("draft_id", "desk"),
        not_null={"message_id"},
        foreign_keys=[("draft_id", "draft", "draft_id")],
        strict=True,
    )


@migrations()
def m002_outbox(db: Database) -> None:
    """Messages to others; a row is committed before Telegram hears of it."""
    outbox = db.table("outbox").create(
        {
            "entry_id": int,
            "chat_id": int,
            "draft_id": int,
            "text": str,
            "random_id": int,
            "state": str,
            "after_id": int,
            "queued_at": int,
            "changed_at": int,
            "message_id": int,
            "error": str,
        },
        pk="entry_id",
        not_null={"chat_id", "text", "random_id", "state", "queued_at", "changed_at"},
        strict=True,
    )
    outbox.create_index(["random_id"], unique=True)
    outbox.create_index(["state", "chat_id"])


@migrations()
def m003_handled(db: Database) -> None:
    """The newest message of each chat that is dealt with."""
    db.table("handled").create({"chat_id": int, "message_id": int}, pk="chat_id", not_null={"message_id"}, strict=True)


@migrations()
def m004_stop(db: Database) -> None:
    """Where nothing is sent: chat 0 is the whole account; `until` is in seconds since 1970, null is for ever."""
    db.table("stop").create(
        {"chat_id": int, "code": str, "until": int, "told": int},
        pk=("chat_id", "code"),
        not_null={"told"},
        strict=True,
    )


@migrations()
def m005_decisions(db: Database) -> None:
    """What was decided about which message, and why; the reason stands at the draft that came of it, too."""
    decisions = db.table("decision").create(
        {
            "decision_id": int,
            "chat_id": int,
            "message_id": int,
            "action": str,
            "reason": str,
            "said_at": int,
            "decided_at": int,
        },
        pk="decision_id",
        not_null={"chat_id", "message_id", "action", "reason", "said_at", "decided_at"},
        strict=True,
    )
    decisions.create_index(["decided_at"])
    db.table("draft").add_column("reason", str)
    db.table("outbox").create_index(["changed_at"])
    db.table("outbox").create_index(["chat_id", "message_id"])


@migrations()
def m006_modes(db: Database) -> None:
    """What the owner chose for single chats at a desk: it goes before the configuration and his folders."""
    db.table("chosen_mode").create(
        {"chat_id": int, "mode": str, "chosen_at": int}, pk="chat_id", not_null={"mode", "chosen_at"}, strict=True
    )


@migrations()
def m007_versions(db: Database) -> None:
    """How often a draft got other proposals: a choice among older ones no longer counts."""
    db.table("draft").add_column("version", int, not_null_default=1)


@migrations()
def m008_notes(db: Database) -> None:
    """What the owner wants the double to know until some moment; without a chat, in all of them."""
    db.table("note").create(
        {"note_id": int, "chat_id": int, "text": str, "made_at": int, "expires_at": int},
        pk="note_id",
        not_null={"text", "made_at", "expires_at"},
        strict=True,
    )


@migrations()
def m009_control(db: Database) -> None:
    """Which control bot is whose, and which of its messages asked the owner for words of his own, for which draft."""
    db.table("control_link").create(
        {"bot_id": int, "owner_id": int, "linked_at": int},
        pk="bot_id",
        not_null={"owner_id", "linked_at"},
        strict=True,
    )
    db.table("control_edit").create(
        {"question_id": int, "draft_id": int, "asked_at": int},
        pk="question_id",
        not_null={"draft_id", "asked_at"},
        strict=True,
    )


@migrations()
def m010_latency(db: Database) -> None:
    """How many milliseconds the proposals of a draft took."""
    db.table("draft").add_column("composed_ms", int)


@migrations()
def m011_places(db: Database) -> None:
    """Which proposals a card shows, since when it does (seconds since 1970), and whether it offers them no longer."""
    cards = db.table("card")
    cards.add_column("version", int, not_null_default=1)
    cards.add_column("since", int)
    cards.add_column("closed", int, not_null_default=0)
    db.execute("update card set closed = 1 where draft_id in (select draft_id from draft where state != 'open')")
    cards.create_index(["desk", "message_id"])


@migrations()
def m012_samplers(db: Database) -> None:
    """The sampler that was fitted to the owner for a model, by the digest of its file, at a temperature."""
    numbers = ("temperature", "min_p", "ending", "growing", "again")
    db.table("sampler").create(
        {"model": str, **dict.fromkeys(numbers, float), "fitted_at": int},
        pk=("model", "temperature"),
        not_null={*numbers, "fitted_at"},
        strict=True,
    )


@migrations()
def m013_training(db: Database) -> None:
    """How the latest training ended, if no model came of it; one row. `ended_at` is in seconds since 1970."""
    db.table("training").create(
        {"training_id": int, "ended_at": int, "told": str}, pk="training_id", not_null={"ended_at", "told"}, strict=True
    )


@contextmanager
def open_history(config: Config) -> Iterator[Store]:
    """The history under the configured state folder, with these tables in it; for the commands beside `run`."""
    config.make_state()
    with open_store(config.database, migrations) as store:
        yield store
