"""Figures over histories that are counted by hand, or by brute force."""

import math
import statistics
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import DoppelgangerError
from exporter.messages import Message, MessageKind, Peer, PeerKind
from exporter.progress import Step
from exporter.stats import wording
from exporter.stats.figures import Distribution, Figures, Tally
from exporter.stats.survey import Scope, survey
from exporter.stats.vocabulary import MIN_COUNT, Lexicon, emoji, log_odds, words
from exporter.storing.store import Store, open_store

OWNER, ANNA, BORIS, GROUP = 1, 7, 8, -5
ANNAS = Peer(ANNA, PeerKind.USER, "Anna")
FLAT = Peer(GROUP, PeerKind.GROUP, "Flat")
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
LISBON = ZoneInfo("Europe/Lisbon")
HOUR = timedelta(hours=1)


def says(second: float, sender: int = ANNA, text: str = "hi", *, chat_id: int = ANNA, **more: Any) -> Message:
    """What one says so many seconds after noon."""
    sent_at = NOON + timedelta(seconds=second)
    return Message(chat_id, int(second) + 1, sender, sent_at, sender == OWNER, text, **more)


def count(*messages: Message, peer: Peer = ANNAS, zone: Any = UTC, gap: timedelta = HOUR) -> Figures:
    tally = Tally(OWNER, zone, gap=gap)
    tally.read(peer, messages)
    return tally.figures()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "doppelganger.db") as opened:
        opened.save_peers([Peer(OWNER, PeerKind.SELF, "Olive"), ANNAS, FLAT, Peer(BORIS, PeerKind.USER, "Boris")])
        yield opened


def test_replies_are_timed_from_the_end_of_a_burst_to_the_first_of_the_answer() -> None:
    figures = count(says(0), says(10), says(40, OWNER), says(45, OWNER), says(50, OWNER), says(170))
    assert figures.own.latency.counts == {30: 1}
    assert figures.others.latency.counts == {120: 1}
    assert figures.own.bursts.counts == {3: 1}
    assert figures.others.bursts.counts == {2: 1, 1: 1}


def test_after_a_long_silence_nothing_is_a_reply_and_a_burst_is_over() -> None:
    figures = count(says(0), says(3601, OWNER), says(3601 * 2 + 1, OWNER))
    assert figures.own.latency.total == 0
    assert figures.own.bursts.counts == {1: 2}
    assert count(says(0), says(3600, OWNER)).own.latency.counts == {3600: 1}


def test_in_a_group_nobody_replies_but_everyone_has_bursts_of_his_own() -> None:
    said = [says(n, sender, chat_id=GROUP) for n, sender in enumerate((ANNA, ANNA, BORIS, OWNER, ANNA))]
    figures = count(*said, peer=FLAT)
    assert figures.own.latency.total == figures.others.latency.total == 0
    assert figures.others.bursts.counts == {2: 1, 1: 2}
    assert figures.people == {ANNA: 3, BORIS: 1, OWNER: 1}


def test_an_album_is_one_message_of_a_burst() -> None:
    album = [says(n, kind=MessageKind.PHOTO, album=9) for n in range(4)]
    assert count(*album, says(5)).others.bursts.counts == {2: 1}


def test_what_only_happened_is_not_counted() -> None:
    figures = count(says(0), says(1, kind=MessageKind.CALL), says(2, kind=MessageKind.SERVICE), says(3))
    assert figures.others.messages == 2
    assert figures.others.bursts.counts == {2: 1}


def test_forwards_and_what_bots_composed_are_messages_but_not_ones_own_words() -> None:
    figures = count(says(0, OWNER, "lush", forwarded=True), says(1, OWNER, "lush", via_bot=True), says(2, OWNER, "aye"))
    assert figures.own.messages == 3
    assert figures.lexicon.own == {"aye": 1}


def test_days_and_hours_are_by_the_owners_clock() -> None:
    late = says(11.5 * 3600, OWNER)  # 23:30 UTC is 00:30 of the next day in Lisbon, in summer
    figures = count(late, zone=LISBON)
    assert figures.days == {date(2024, 5, 2): {OWNER: 1}}
    assert figures.own_week[3][0] == 1
    assert sum(map(sum, figures.own_week)) == 1


@pytest.mark.parametrize(
    ("utc", "day", "hour"),
    [
        (datetime(2024, 3, 31, 0, 59, tzinfo=UTC), date(2024, 3, 31), 0),
        (datetime(2024, 3, 31, 1, 0, tzinfo=UTC), date(2024, 3, 31), 2),  # 01:00 was skipped
        (datetime(2024, 10, 27, 0, 30, tzinfo=UTC), date(2024, 10, 27), 1),
        (datetime(2024, 10, 27, 1, 30, tzinfo=UTC), date(2024, 10, 27), 1),  # 01:30 came twice
    ],
)
def test_hours_when_the_clocks_change(utc: datetime, day: date, hour: int) -> None:
    figures = count(Message(ANNA, 1, OWNER, utc, True, "hi"), zone=LISBON)
    assert list(figures.days) == [day]
    assert figures.own_week[6][hour] == 1


def test_days_without_messages_are_days_too() -> None:
    daily = count(says(0), says(1, OWNER), says(2 * 86400)).daily()
    assert [(day.own, day.others) for day in daily] == [(1, 1), (0, 0), (0, 1)]


pairs = st.lists(st.tuples(st.integers(0, 5000), st.booleans()), min_size=1, max_size=60)


@given(pairs, st.integers(60, 4000))
def test_replies_and_bursts_as_brute_force_finds_them(pauses: list[tuple[int, bool]], gap: int) -> None:
    at, said = 0, []
    for number, (pause, own) in enumerate(pauses):
        at += pause
        sent_at = NOON + timedelta(seconds=at)
        said.append(Message(ANNA, number, OWNER if own else ANNA, sent_at, own, "hi"))
    figures = count(*said, gap=timedelta(seconds=gap))
    replies = {True: Counter[int](), False: Counter[int]()}
    for before, after in pairwise(said):
        waited = int((after.sent_at - before.sent_at).total_seconds())
        if before.outgoing != after.outgoing and waited <= gap:
            replies[after.outgoing][waited] += 1
    assert figures.own.latency.counts == replies[True]
    assert figures.others.latency.counts == replies[False]
    for side, own in ((figures.own, True), (figures.others, False)):
        assert side.messages == sum(message.outgoing == own for message in said)
        assert sum(length * times for length, times in side.bursts.counts.items()) == side.messages
    ends = sum(
        before.outgoing != after.outgoing or (after.sent_at - before.sent_at).total_seconds() > gap
        for before, after in pairwise(said)
    )
    assert figures.own.bursts.total + figures.others.bursts.total == ends + 1
    assert sum(day.own + day.others for day in figures.daily()) == len(said)
    assert sum(map(sum, figures.own_week)) + sum(map(sum, figures.others_week)) == len(said)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=80), st.integers(1, 100))
def test_quantiles_as_brute_force_finds_them(numbers: list[int], percent: int) -> None:
    seen = Distribution(Counter(numbers))
    rank = -(-percent * len(numbers) // 100)
    assert seen.quantile(percent / 100) == sorted(numbers)[rank - 1]
    assert seen.quantile(0.5) == statistics.median_low(numbers)
    assert seen.mean == pytest.approx(statistics.mean(numbers))


def test_of_nothing_there_is_no_quantile() -> None:
    assert Distribution({}).quantile(0.5) is None
    assert Distribution({}).mean is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Aye, it’s TMRW at 8ish!", ["aye", "it's", "tmrw", "at", "8ish"]),
        ("see https://example.org/secret?q=1 or a@b.org, @anna_b", ["see", "or"]),
        ("100 %, 3.5", []),
        ("Старик, ну «такое»)))", ["старик", "ну", "такое"]),
        ("cafe\u0301 नमस्ते", ["café", "नमस्ते"]),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ok 🫡🫡", ["🫡", "🫡"]),
        ("👩‍🚀 👍🏽 🇵🇹", ["👩‍🚀", "👍🏽", "🇵🇹"]),
        ("❤ ❤\ufe0f", ["❤\ufe0f", "❤\ufe0f"]),
        ("ну – «да» … 5 € № ™", []),
        ("plain", []),
    ],
)
def test_emoji(text: str, expected: list[str]) -> None:
    assert emoji(text) == expected


def test_log_odds_by_hand() -> None:
    # The prior is 3 + 1 of "aye" among 10 + 10: (3 + 4) / (10 + 20 - 7) against (1 + 4) / (10 + 20 - 5).
    scores = log_odds({"aye": 3, "the": 7}, {"aye": 1, "the": 9})
    assert scores["aye"] == pytest.approx((math.log(7 / 23) - math.log(5 / 25)) / math.sqrt(1 / 7 + 1 / 5))
    assert scores["the"] == pytest.approx((math.log(23 / 7) - math.log(25 / 5)) / math.sqrt(1 / 23 + 1 / 25))


counts = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 40))


@given(counts, counts)
def test_log_odds_turn_their_sign_with_the_sides(one: dict[str, int], other: dict[str, int]) -> None:
    there, back = log_odds(one, other), log_odds(other, one)
    assert set(there) == set(one)
    assert all(math.isfinite(score) for score in there.values())
    for term in one.keys() & other.keys():
        assert there[term] == pytest.approx(-back[term])


@given(counts)
def test_nothing_is_ones_own_where_both_say_the_same(both: dict[str, int]) -> None:
    assert all(score == pytest.approx(0) for score in log_odds(both, both).values())


def test_own_words_are_frequent_and_of_two_chats() -> None:
    lexicon = Lexicon()
    for _ in range(MIN_COUNT - 1):
        lexicon.hear(ANNA, ["aye", "pet-name", "seldom"], own=True)
    lexicon.hear(GROUP, ["aye", "lush"], own=True)
    lexicon.hear(ANNA, ["pet-name"], own=True)
    lexicon.hear(ANNA, ["well"] * 20, own=False)
    assert [term.text for term in lexicon.distinctive(5)] == ["aye"]
    assert lexicon.distinctive(5, pictures=True) == ()
    assert lexicon.distinctive(5, without={"aye"}) == ()


def test_names_of_people_are_no_words_but_titles_of_groups_are() -> None:
    peers = [Peer(ANNA, PeerKind.USER, "Anna O’Hara"), Peer(GROUP, PeerKind.GROUP, "The Flat")]
    assert wording.names_of(peers) == {"anna", "o'hara"}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "–"), (0, "0 s"), (45, "45 s"), (60, "1 min"), (125, "2 min 5 s"), (3540, "59 min"), (5400, "1 h 30 min")],
)
def test_durations(seconds: float | None, said: str) -> None:
    assert wording.duration(seconds) == said


def test_people_are_counted_and_neither_notes_channels_bots_nor_login_codes(store: Store) -> None:
    others = {
        OWNER: PeerKind.SELF,
        -1_000_000_000_009: PeerKind.CHANNEL,
        9: PeerKind.BOT,
        777000: PeerKind.USER,
    }
    store.save_peers([Peer(peer_id, kind, "Olive") for peer_id, kind in others.items()])
    store.add([says(1, chat_id=peer_id) for peer_id in others])
    store.add([says(2), says(3, OWNER), says(4, chat_id=GROUP)])
    figures = survey(store, Scope(), UTC, gap=HOUR)
    assert [chat.peer.name for chat in figures.chats] == ["Anna", "Flat"]
    assert [chat.peer.kind for chat in survey(store, Scope(chat=9), UTC, gap=HOUR).chats] == [PeerKind.BOT]


def test_from_a_day_up_to_another(store: Store) -> None:
    store.add([says(86400 * day) for day in range(5)])
    between = Scope(since=NOON + timedelta(days=1), until=NOON + timedelta(days=3))
    assert survey(store, between, UTC, gap=HOUR).others.messages == 2


def test_progress_ends_with_all_that_is_stored(store: Store) -> None:
    store.add([says(second) for second in range(30)])
    steps: list[Step] = []
    survey(store, Scope(), UTC, gap=HOUR, report=steps.append)
    assert (steps[-1].done, steps[-1].total) == (30, 30)


def test_an_empty_store_is_a_problem_with_a_fix(store: Store) -> None:
    with pytest.raises(DoppelgangerError) as nothing:
        survey(store, Scope(), UTC, gap=HOUR)
    assert "no messages" in nothing.value.problem
    assert "sync" in nothing.value.fix


def test_days_on_which_nothing_was_said_are_a_problem_with_a_fix(store: Store) -> None:
    store.add([says(0)])
    with pytest.raises(DoppelgangerError, match="nothing was said"):
        survey(store, Scope(since=NOON + timedelta(days=9)), UTC, gap=HOUR)
