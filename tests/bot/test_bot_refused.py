"""Every refusal of Telegram's has its reaction: the table of telegram.md, row by row, over the sandbox."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.sending.refused import RULES, Reaction, Refused, Wait, rule
from bot.sending.stops import ACCOUNT, Stops
from bot.tables import migrations
from exporter.errors import LoginError
from exporter.storing.store import open_store

SENT = "messages.sendMessage"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

LEFT = [
    (400, "USER_IS_BLOCKED"),
    (400, "YOU_BLOCKED_USER"),
    (400, "INPUT_USER_DEACTIVATED"),
    (403, "CHAT_WRITE_FORBIDDEN"),
    (403, "CHAT_SEND_PLAIN_FORBIDDEN"),
    (400, "USER_BANNED_IN_CHANNEL"),
    (400, "CHANNEL_PRIVATE"),
    (400, "CHAT_RESTRICTED"),
    (400, "TOPIC_CLOSED"),
    (403, "ALLOW_PAYMENT_REQUIRED_25"),
    (406, "PRIVACY_PREMIUM_REQUIRED"),
]
HALTING = [(400, "PEER_FLOOD"), (420, "FROZEN_METHOD_INVALID"), (400, "FROZEN_PARTICIPANT_MISSING")]
ENDING = [
    (401, "AUTH_KEY_UNREGISTERED"),
    (401, "SESSION_REVOKED"),
    (406, "AUTH_KEY_DUPLICATED"),
    (401, "USER_DEACTIVATED"),
    (401, "USER_DEACTIVATED_BAN"),
]
DROPPED = [(400, "MESSAGE_TOO_LONG"), (400, "MESSAGE_EMPTY"), (400, "SOMETHING_NEW")]


def sends_to(at, friend):
    """Tries to send to a friend; what goes to the owner's own desk is no such."""
    return [
        call for call in at.world.calls if call.method == SENT and getattr(call.request.peer, "user_id", 0) == friend.id
    ]


def stopped(at, chat_id):
    with open_store(at.config.database, migrations) as store:
        return Stops(store, at.config.stop_file, lambda: datetime.now(UTC)).of(chat_id)


@pytest.mark.parametrize("error", LEFT, ids=lambda error: error[1])
async def test_a_contact_that_takes_nothing_is_left_alone_across_restarts_and_the_owner_is_told_once(at, error):
    boris = at.person("Boris")
    at.world.fault(SENT, error=error)
    async with at.running():
        at.say(boris, at.owner, "coming?")
        await at.until(at.saved)
        at.say(boris, at.owner, "hello?")
        await at.quiet()
    async with at.running():
        at.say(boris, at.owner, "still there?")
        await at.quiet()
    assert len(sends_to(at, boris)) == 1 and at.from_owner(boris) == []
    (note,) = at.saved()
    assert "nothing to Boris until you say otherwise" in note.text and rule(error[1].rstrip("_25")).why in note.text
    assert stopped(at, at.person("Anna").id) is None


@pytest.mark.parametrize("error", HALTING, ids=lambda error: error[1])
async def test_acceptance_32_after_peer_flood_or_a_freeze_nothing_is_sent_even_after_a_restart(at, error):
    anna, boris = at.person("Anna"), at.person("Boris")
    async with at.running():
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(at.saved)
        at.world.fault(SENT, error=error)
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: len(at.saved()) == 3)
        at.say(at.owner, at.owner, "1", reply_to=card)
        await at.until(lambda: any("Not sent: Telegram" in m.text for m in at.saved()))
    async with at.running():
        at.say(boris, at.owner, "hello?")
        await at.until(lambda: any("> hello?" in m.text for m in at.saved()))
        await at.quiet()
    assert len(sends_to(at, boris)) == 1 and sends_to(at, anna) == []
    assert at.from_owner(boris) == at.from_owner(anna) == []
    (told,) = [m for m in at.saved() if "nothing to anybody" in m.text]
    assert rule(error[1]).why in told.text
    assert timedelta(hours=23) < stopped(at, ACCOUNT).until - datetime.now(UTC) <= timedelta(days=1)


@pytest.mark.parametrize("error", ENDING, ids=lambda error: error[1])
async def test_what_ends_the_session_ends_the_bot(at, error):
    boris = at.person("Boris")
    with pytest.raises(LoginError) as ended:
        async with at.running():
            at.world.fault(SENT, error=error)
            at.say(boris, at.owner, "coming?")
            await at.quiet(3)
    assert ended.value.exit_code == 3
    assert len(sends_to(at, boris)) == 1


@pytest.mark.parametrize("error", DROPPED, ids=lambda error: error[1])
async def test_a_message_that_telegram_cannot_take_is_dropped_and_the_owner_gets_a_draft(at, error):
    boris = at.person("Boris")
    at.world.fault(SENT, error=error)
    async with at.running():
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: any("> coming?" in m.text for m in at.saved()))
        await at.quiet()
    assert len(sends_to(at, boris)) == 1 and at.from_owner(boris) == []
    assert stopped(at, boris.id) is None


@pytest.mark.parametrize("error", ["FLOOD_WAIT_1", "FLOOD_PREMIUM_WAIT_1", "SLOWMODE_WAIT_1"])
async def test_a_short_wait_is_sat_through_and_then_it_is_sent_once(at, error):
    boris = at.person("Boris")
    at.script.says = [("once",)]
    async with at.running():
        at.world.fault(SENT, error=(420, error))
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: at.from_owner(boris) == ["once"])
        await at.quiet()
    first, second = sends_to(at, boris)
    assert first.request.random_id == second.request.random_id


async def test_what_comes_during_a_wait_still_stops_it(at):
    boris = at.person("Boris")
    async with at.running():
        at.world.fault(SENT, error=(420, "SLOWMODE_WAIT_30"))
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: sends_to(at, boris))
        at.say(at.owner, boris, "I answer myself")
        await at.quiet()
        assert at.from_owner(boris) == ["I answer myself"]
        assert {state for _, state in at.states()} == {"cancelled"}


async def test_a_long_flood_wait_makes_a_draft_of_it_and_no_send_is_tried_before_its_end_by_any_run(at):
    anna, boris = at.person("Anna"), at.person("Boris")
    async with at.running():
        at.world.fault(SENT, error=(420, "FLOOD_WAIT_3600"))
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: at.states() == [("yes", "cancelled")])
        at.say(anna, at.owner, "coming?")
        await at.quiet()
    sends = len(at.calls(SENT))
    async with at.running() as drafts:
        at.say(boris, at.owner, "hello?")
        await at.until(lambda: drafts.open_in(boris.id))
        await at.quiet()
        assert drafts.open_in(anna.id)
    assert len(at.calls(SENT)) == sends == 1, "neither to others nor to the desk"


async def test_a_card_that_a_flood_wait_kept_back_is_shown_after_it(at, monkeypatch):
    monkeypatch.setattr("bot.desks.desk.AGAIN", 0.05)
    anna = at.person("Anna")
    async with at.running():
        at.world.fault(SENT, error=(420, "FLOOD_WAIT_1"))
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(at.saved)
        assert "> coming?" in card.text and len(at.calls(SENT)) == 2


async def test_acceptance_34_after_stop_nothing_more_is_sent_over_restarts_too_until_resume(at):
    anna, boris = at.person("Anna"), at.person("Boris")
    at.script.says = [("sure", "see you")]
    async with at.running():
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(at.saved)
        at.world.fault("messages.setTyping", after=1, delay=0.2)
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: at.from_owner(boris) == ["sure"])
        with open_store(at.config.database, migrations) as store:
            Stops(store, at.config.stop_file, lambda: datetime.now(UTC)).stop(ACCOUNT)
        at.say(at.owner, at.owner, "1", reply_to=card)
        await at.until(lambda: any("Not sent: you stopped it" in m.text for m in at.saved()))
        await at.quiet()
    async with at.running():
        at.say(boris, at.owner, "hello?")
        await at.until(lambda: any("> hello?" in m.text for m in at.saved()))
        await at.quiet()
        assert at.from_owner(boris) == ["sure"] and at.from_owner(anna) == []
        with open_store(at.config.database, migrations) as store:
            assert Stops(store, at.config.stop_file, lambda: datetime.now(UTC)).lift(ACCOUNT) == []
        at.say(boris, at.owner, "and now?")
        await at.until(lambda: at.from_owner(boris) == ["sure", "sure", "see you"])


async def test_acceptance_34_while_the_file_stop_is_there_nothing_is_sent_over_restarts_too(at, monkeypatch):
    monkeypatch.setattr("bot.running.notices.LOOK", 0.02)
    anna, boris = at.person("Anna"), at.person("Boris")
    at.script.says = [("sure", "see you")]

    def told():
        return [m.text for m in at.saved() if "the file STOP lies in the state folder. Once it is gone" in m.text]

    async with at.running():
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(at.saved)
        at.world.fault("messages.setTyping", after=1, delay=0.2)
        at.say(boris, at.owner, "coming?")
        await at.until(lambda: at.from_owner(boris) == ["sure"])
        at.config.stop_file.touch()
        at.say(at.owner, at.owner, "1", reply_to=card)
        await at.until(lambda: any("Not sent: the file STOP" in m.text for m in at.saved()))
        await at.until(told)
        await at.quiet()
    with open_store(at.config.database, migrations) as store:
        stops = Stops(store, at.config.stop_file, lambda: datetime.now(UTC))
        assert [stop.code for stop in stops.lift(ACCOUNT)] == ["STOP_FILE"], "only taking it away ends it"
    async with at.running():
        at.say(boris, at.owner, "hello?")
        await at.until(lambda: any("> hello?" in m.text for m in at.saved()))
        await at.quiet()
        assert at.from_owner(boris) == ["sure"] and at.from_owner(anna) == [] and len(told()) == 1
        at.config.stop_file.unlink()
        at.say(boris, at.owner, "and now?")
        await at.until(lambda: at.from_owner(boris) == ["sure", "sure", "see you"])
        at.config.stop_file.touch()
        await at.until(lambda: len(told()) == 2)


def test_a_stop_file_that_nobody_can_look_for_stops_all(tmp_path):
    (tmp_path / "file").touch()
    with open_store(tmp_path / "store.db", migrations) as store:
        assert Stops(store, tmp_path / "STOP", lambda: NOW).of(5) is None
        (tmp_path / "STOP").symlink_to(tmp_path / "nowhere")
        assert Stops(store, tmp_path / "STOP", lambda: NOW).of(5).code == "STOP_FILE"
        unreadable = Stops(store, tmp_path / "file" / "STOP", lambda: NOW)
        with pytest.raises(Refused, match="STOP_FILE"):
            unreadable.check(SENT, 5)
        unreadable.check(SENT, None)


def test_every_row_has_words_and_a_refusal_that_nobody_knows_costs_one_message():
    assert all(row.why and not row.why.endswith(".") for row in RULES.values())
    assert rule("BRAND_NEW").reaction is Reaction.DROP and "BRAND_NEW" in rule("BRAND_NEW").why


def test_stops_end_by_themselves_or_by_the_owner_and_are_told_once(tmp_path):
    clock = [NOW]
    with open_store(tmp_path / "store.db", migrations) as store:
        stops = Stops(store, tmp_path / "STOP", lambda: clock[0])
        stops.check(SENT, 5)
        stops.heed(Refused("USER_IS_BLOCKED"), SENT, 5)
        stops.heed(Refused("PEER_FLOOD"), SENT, 6)
        assert {stop.chat_id for stop in stops.untold()} == {5, ACCOUNT}
        for stop in stops.untold():
            stops.told(stop)
        stops.heed(Refused("PEER_FLOOD"), SENT, 6)
        assert stops.untold() == [] and stops.of(5).code == "PEER_FLOOD"
        with pytest.raises(Refused, match="PEER_FLOOD"):
            stops.check("messages.setTyping", 7)
        stops.check(SENT, None)
        clock[0] += timedelta(days=1, seconds=1)
        assert stops.of(7) is None and stops.of(5).code == "USER_IS_BLOCKED"
        stops.stop(ACCOUNT)
        assert stops.of(7).code == "STOPPED" and stops.untold() == []
        assert stops.lift(5) == [stops.of(7)] and stops.of(5).chat_id == ACCOUNT
        stops.heed(Refused("USER_IS_BLOCKED"), SENT, 5)
        stops.heed(Refused("PEER_FLOOD"), SENT, 5)
        assert [stop.code for stop in stops.lift(ACCOUNT)] == ["PEER_FLOOD"], "the owner cannot lift what is Telegram's"
        clock[0] += timedelta(days=2)
        assert stops.of(5) is None
        stops.heed(Wait("FLOOD_WAIT", clock[0] + timedelta(seconds=9)), SENT, 5)
        with pytest.raises(Wait) as wait:
            stops.check(SENT, None)
        assert wait.value.until == clock[0] + timedelta(seconds=9)
        stops.check("messages.setTyping", 5)
        clock[0] += timedelta(seconds=9)
        stops.check(SENT, 5)
        assert stops.of(5) is None
        stops.heed(Wait("SLOWMODE_WAIT", clock[0] + timedelta(seconds=9)), SENT, 5)
        stops.check(SENT, 6)
        stops.heed(Refused("USER_IS_BLOCKED"), "messages.editMessage", None)
        assert stops.untold() == []
