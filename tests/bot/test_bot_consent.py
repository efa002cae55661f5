"""Consent and the double: it says nothing where nobody agreed, and stops at once where they agree no longer."""

from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from bot.desks.drafts import DraftState
from bot.running.handled import Handled
from bot.tables import migrations
from exporter.account.connection import connect
from exporter.pulling.sync import sync
from exporter.storing.store import open_store
from tests.sandbox_fixtures import agreed

SENT = ("messages.sendMessage",)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("bot.double.POLL", 0.01)


@contextmanager
def ledger_of(at):
    """As another process has it."""
    with open_store(at.config.database, migrations) as store:
        yield agreed(store), lambda name: store.peers()[at.person(name).id]


def revoke(at, name, *scopes):
    with ledger_of(at) as (ledger, peer):
        ledger.revoke(peer(name), scopes or ("reply",), datetime.now(UTC))


def grant(at, name, *scopes):
    with ledger_of(at) as (ledger, peer):
        ledger.grant(peer(name), scopes or ("reply",), datetime.now(UTC))


@pytest.mark.parametrize("scope", ["store", "reply"])
@pytest.mark.parametrize("friend", ["Anna", "Boris"])
async def test_acceptance_15_no_prompt_is_made_without_consent(at, friend, scope):
    revoke(at, friend, scope)
    person = at.person(friend)
    async with at.running():
        assert f"{friend} is left alone: no consent; python -m exporter consent {friend} --{scope}" in at.lines
        at.say(person, at.owner, "anybody there?")
        await at.quiet()
        assert at.script.prompts == [] and at.saved() == []
        assert at.calls("messages.readHistory", "messages.setTyping", *SENT) == []


async def test_granted_while_it_runs_the_next_message_is_answered(at):
    revoke(at, "Boris")
    boris = at.person("Boris")
    async with at.running():
        grant(at, "Boris")
        at.say(boris, at.owner, "and now?")
        await at.until(lambda: at.from_owner(boris))


async def test_what_an_earlier_run_heard_is_decided_about_where_they_agree_no_longer(at, monkeypatch):
    monkeypatch.setattr("bot.double.POLL", 60)
    at.say(at.person("Anna"), at.owner, "are you there?")
    with open_store(at.config.database, migrations) as store:
        Handled(store.database).take_up(at.person("Anna").id, store)  # an earlier run had come so far
        async with connect(at.config) as client:
            await sync(client, store, at.config.sync, agreed(store))  # and heard this, but not more
    revoke(at, "Anna")
    async with at.running():
        await at.until(lambda: ("silent", "no_consent") in at.decisions())


@pytest.mark.parametrize("poll", [0.01, 60])
@pytest.mark.parametrize("friend", ["Anna", "Boris"])
async def test_revoking_cancels_what_is_being_generated(at, friend, poll, monkeypatch):
    """Whether or not anybody looked in time: what was generated is not used."""
    monkeypatch.setattr("bot.double.POLL", poll)
    person = at.person(friend)
    at.script.go_on.clear()
    async with at.running():
        at.say(person, at.owner, "coming?")
        await at.script.begun.wait()
        revoke(at, friend)
        at.script.go_on.set()
        await at.quiet()
        assert at.from_owner(person) == [] and at.saved() == [] and at.states() == []
        assert at.calls("messages.readHistory", "messages.setTyping") == []


async def test_revoking_withdraws_an_open_draft_for_good(at):
    anna = at.person("Anna")
    async with at.running() as drafts:
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(at.saved)
        revoke(at, "Anna")
        await at.until(lambda: "Withdrawn: no consent" in at.saved()[0].text)
        at.say(at.owner, at.owner, "1", reply_to=card)
        await at.quiet()
        assert at.from_owner(anna) == [] and drafts.get(1).state is DraftState.EXPIRED


async def test_revoked_while_it_was_stopped_nothing_that_was_left_open_goes_out(at):
    anna = at.person("Anna")
    async with at.running() as drafts:
        at.say(anna, at.owner, "coming?")
        await at.until(lambda: any("wait for you" in line for line in at.lines))
        assert drafts.get(1).state is DraftState.OPEN
    left = {"chat_id": anna.id, "draft_id": 1, "text": "approved", "queued_at": 1, "changed_at": 1}
    with open_store(at.config.database, migrations) as store:
        for number, state in enumerate(("queued", "sending")):
            store.database.table("outbox").insert({**left, "random_id": number, "state": state})
    revoke(at, "Anna", "store", "reply")
    at.world.calls.clear()
    async with at.running() as drafts:
        assert drafts.get(1).state is DraftState.EXPIRED
        assert "Withdrawn: no consent" in at.saved()[0].text
        assert at.states() == [("approved", "cancelled"), ("approved", "cancelled")]
        asked = [call.request.peer for call in at.world.calls if call.method == "messages.getHistory"]
        assert all(getattr(peer, "user_id", None) != anna.id for peer in asked) and at.from_owner(anna) == []
