"""What is left when the storm is over: nobody forgotten, no card that lies, a whole history, no words in the log."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from exporter.settings.config import Config
from exporter.storing.store import Store
from tests.bot.town.marks import WORD, generation_of, proposals_of
from tests.bot.town.town import SPOKEN, Contact, Kind, Town
from tests.bot.town.truth import Truth

KEPT = (*SPOKEN, Kind.UNLISTED, Kind.OFF)
"""Of these the history is kept."""


def unsettled(truth: Truth, store: Store) -> Iterator[str]:
    """What the double has still to do; empty at last, once everything is well again."""
    town, answered = truth.town, frozenset().union(*(choice.shown for choice in truth.choices))
    for entry_id, state in store.database.execute(
        "select entry_id, state from outbox where state in ('queued', 'sending', 'unknown')"
    ):
        yield f"message {entry_id} is {state}"
    for contact in town.of(*KEPT):
        yield from _missing(town, store, contact)
    for contact in town.of(*SPOKEN):
        yield from _unanswered(town, store, contact, answered)
    yield from _lying_cards(town, store)


def broken(store: Store, config: Config) -> Iterator[str]:
    """What must never be so."""
    if (found := store.database.execute("pragma integrity_check").fetchall()) != [("ok",)]:
        yield f"the database is damaged: {found}"
    twice = "select chat_id, count(*) from draft where state = 'open' group by chat_id having count(*) > 1"
    yield from (f"{count} open drafts in {chat_id}" for chat_id, count in store.database.execute(twice))
    for file in (path for path in config.state.rglob("*") if path.is_file() and "models" not in path.parts):
        if file.stat().st_mode & 0o077:
            yield f"others may read {file}"


def words_in(town: Town, log: Path) -> Iterator[str]:
    """Words and names of people that a log holds."""
    told = log.read_text("utf-8")
    told_of = [contact for contact in town.contacts if contact.kind not in (Kind.TELEGRAM, Kind.DELETED)]
    names = {person.name for contact in told_of for person in contact.people}
    yield from (f"{log.name} says {word}" for word in {*WORD.findall(told), *(name for name in names if name in told)})


def growth(samples: list[dict[str, Any]], *, since: int) -> dict[str, tuple[float, float]]:
    """Of a life, what it was made of after so many seconds and at its end: medians of ten seconds each."""

    def median(of: list[dict[str, Any]], key: str) -> float:
        values = sorted(sum(one["tasks"].values()) if key == "tasks" else one[key] for one in of)
        return float(values[len(values) // 2])

    early, late = samples[since : since + 10], samples[-10:]
    return {key: (median(early, key), median(late, key)) for key in ("rss_mb", "files", "tasks")}


def _missing(town: Town, store: Store, contact: Contact) -> Iterator[str]:
    """Where the history is not what stands in the chat."""
    owner = town.world.owner
    there = {one.id_for(owner): one.text for one in town.world.conversation(owner, contact.peer).newest_first(owner)}
    here = {one.message_id: one.text for one in store.messages(contact.chat_id)}
    for message_id in there.keys() ^ here.keys():
        yield f"{'not stored' if message_id in there else 'not deleted'}: {message_id} of {contact.chat_id}"
    for message_id in there.keys() & here.keys():
        if there[message_id] != here[message_id]:
            yield f"not edited: {message_id} of {contact.chat_id}"


def _unanswered(town: Town, store: Store, contact: Contact, answered: frozenset[str]) -> Iterator[str]:
    """A newest message of theirs about which nothing was decided, or not done as decided."""
    owner = town.world.owner
    newest = town.world.conversation(owner, contact.peer).top(owner)
    if newest is None or newest.sender.id == owner.id:
        return
    chat, message_id = contact.chat_id, newest.id_for(owner)
    decided = store.database.execute(
        "select action, reason from decision where chat_id = ? and message_id = ? order by decision_id desc limit 1",
        [chat, message_id],
    ).fetchone()
    draft = store.database.execute(
        "select state, proposals from draft where chat_id = ? and answers_to = ? order by draft_id desc",
        [chat, message_id],
    ).fetchone()
    handled = store.database.execute("select message_id from handled where chat_id = ?", [chat]).fetchone()
    if decided is None:
        yield f"nothing decided about {message_id} of {contact.kind} {chat}"
    elif decided[0] != "silent" and (draft is None or (draft[0] == "expired" and not _offers(draft[1], answered))):
        yield f"{decided} but nothing came of it: {message_id} of {contact.kind} {chat}"
    elif handled[0] < message_id:
        yield f"{decided} but not dealt with: {message_id} of {contact.kind} {chat}"


def _offers(proposals: str, answered: frozenset[str]) -> bool:
    """Whether the owner answered a draft, in whatever way: one that he answered while all was stopped ends there."""
    return any(generation_of(text) in answered for burst in json.loads(proposals) for text in burst)


def _lying_cards(town: Town, store: Store) -> Iterator[str]:
    """Cards that offer what is not open, or nothing though it is."""
    world, owner = town.world, town.world.owner
    saved = world.conversation(owner, owner).newest_first(owner)
    offering = {message.id_for(owner) for message in saved if proposals_of(message.text)}
    cards = "select message_id, state from card join draft using (draft_id) where desk = 'saved'"
    for message_id, state in store.database.execute(cards):
        if (state == "open") != (message_id in offering):
            yield f"card {message_id} of a draft that is {state} offers {'it' if state != 'open' else 'nothing'}"
