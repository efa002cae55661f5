"""Sessions, turns and clipping: nothing is lost, nothing is said twice, and what answers stays with what it answers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.messages import Message, MessageKind
from trainer.reading.dialogue import (
    LATE,
    Turn,
    Window,
    begun,
    bursts,
    clip,
    sessions,
    told,
    turn,
    window_start,
    windows,
    words,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = GAP = timedelta(minutes=60)
NAMES = {1: "Ann", 2: "Ben", 3: "Eve"}


def turns(chat, *, foreign=frozenset()) -> list[Turn]:
    said = bursts(filter(told, chat), quiet=GAP, foreign=foreign)
    return [turn(burst, NAMES, owner="Ann", foreign=foreign) for burst in said]


def said(number, *, own=False, after=timedelta(0), **more):
    return Message(2, number, 1 if own else 2, START + after, own, f"message {number}", **more)


def cut(*chat, private=True):
    return [[one.message_id for one in session] for session in sessions(chat, gap=GAP, private=private)]


@st.composite
def chats(draw):
    """A chat, oldest first."""
    at, messages = START, []
    for number in range(draw(st.integers(0, 12))):
        at += timedelta(seconds=draw(st.sampled_from([0, 5, 3600, 3601, 90_000, 700_000])))
        sender = draw(st.sampled_from([1, 2, 3]))
        kind = draw(st.sampled_from([MessageKind.TEXT, MessageKind.STICKER, MessageKind.SERVICE]))
        messages.append(
            Message(
                2,
                number,
                sender,
                at,
                sender == 1,
                draw(st.sampled_from(["hi", " ", "yes\nno"])),
                kind,
                forwarded=draw(st.booleans()),
                reply_to=draw(st.none() | st.integers(0, max(number - 1, 0))),
            )
        )
    return messages


@given(chat=chats(), private=st.booleans())
def test_sessions_are_all_that_is_told_cut_at_long_silences(chat, private):
    found = list(sessions(chat, gap=GAP, private=private))
    assert [message for session in found for message in session] == [one for one in chat if told(one)]
    assert all(b[0].sent_at - a[-1].sent_at > GAP for a, b in pairwise(found))


def test_a_late_answer_stays_with_what_it_answers():
    asked, late = said(1), said(2, own=True, after=timedelta(days=2))
    assert cut(asked, late) == [[1, 2]]
    assert cut(asked, late, private=False) == [[1], [2]], "in a group nobody knows whom he answers"
    assert cut(asked, said(2, own=True, after=LATE + HOUR)) == [[1], [2]]


def test_what_is_unanswered_is_not_dropped_when_somebody_asks_again():
    assert cut(said(1), said(2, after=2 * HOUR), said(3, own=True, after=2 * HOUR)) == [[1, 2, 3]]


def test_once_the_owner_answered_a_silence_ends_the_session():
    assert cut(said(1, own=True), said(2, after=2 * HOUR)) == [[1], [2]]
    assert cut(said(1, own=True), said(2, own=True, after=2 * HOUR)) == [[1], [2]]


@pytest.mark.parametrize("question", ["are you coming?", "真的吗？", "متى؟", "really ? "])
def test_unless_he_asked_something_himself(question):
    asked = replace(said(1, own=True), text=question)
    assert cut(asked, said(2, after=2 * HOUR)) == [[1, 2]]
    assert cut(asked, said(2, after=LATE + HOUR)) == [[1], [2]]


def test_an_answer_that_says_to_what_is_never_too_late():
    for private in (True, False):
        assert cut(said(1), said(2, after=9 * LATE, reply_to=1), private=private) == [[1, 2]]
        assert cut(said(1), said(2, after=9 * LATE, reply_to=1, reply_to_chat=9), private=private) == [[1], [2]]


def test_what_only_happened_does_not_stand_between_question_and_answer():
    pinned = said(2, after=30 * HOUR, kind=MessageKind.SERVICE)
    assert cut(said(1), pinned, said(3, own=True, after=31 * HOUR)) == [[1, 3]]


@given(chat=chats())
def test_turns_say_every_word_once_and_in_order(chat):
    read = turns(chat)
    heard = [words(m) for m in chat if m.kind is not MessageKind.SERVICE and words(m)]
    assert [text for turn in read for text in turn.texts] == heard
    assert all(turn.own == (turn.name == "Ann") for turn in read)


def test_a_long_silence_ends_a_burst():
    read = turns([said(1), said(2, after=HOUR), said(3, after=3 * HOUR)])
    assert [turn.texts for turn in read] == [("message 1", "message 2"), ("message 3",)]


def test_an_album_is_one_message():
    chat = [
        Message(2, 1, 1, START, True, "look", MessageKind.PHOTO, album=7),
        Message(2, 2, 1, START, True, "", MessageKind.PHOTO, album=7),
        Message(2, 4, 1, START, True, "", MessageKind.PHOTO),
    ]
    (turn,) = turns(chat)
    assert turn.texts == ("[photo] look [photo]", "[photo]")


def test_what_is_not_text_is_told_in_one_way():
    def told_of(kind, **more):
        return words(Message(2, 1, 1, START, True, more.pop("text", ""), kind, **more))

    assert told_of(MessageKind.STICKER, emoji="😂") == "[sticker 😂]"
    assert told_of(MessageKind.VOICE, duration=12) == "[voice 0:12]"
    assert told_of(MessageKind.CALL, duration=125) == "[call 2:05]"
    assert told_of(MessageKind.CALL) == "[call]"
    assert told_of(MessageKind.PHOTO, text="look") == "[photo] look"


def test_what_is_not_the_senders_own_text_is_context():
    chat = [
        Message(2, 1, 1, START, True, "mine"),
        Message(2, 2, 1, START, True, "theirs", forwarded=True),
        Message(2, 3, 1, START, True, "a bot's", via_bot=True),
        Message(2, 4, 1, START, True, "", MessageKind.STICKER, emoji="😂"),
        Message(2, 5, 1, START, True, "look", MessageKind.PHOTO),
        Message(2, 6, 1, START, True, "joined", MessageKind.SERVICE),
        Message(2, 7, 1, START, True, "", MessageKind.CALL, duration=60),
        Message(2, 8, 1, START, True, "the double's"),
        Message(2, 9, 9, START, False, "who am I"),
    ]
    read = turns(chat, foreign={(2, 8)})
    assert [(turn.name, turn.spoken, turn.texts) for turn in read] == [
        ("Ann", True, ("mine",)),
        ("Ann", False, ("theirs", "a bot's", "[sticker 😂]", "[photo] look", "[call 1:00]", "the double's")),
        ("someone", True, ("who am I",)),
    ]


@given(texts=st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=4), limit=st.integers(5, 60))
def test_a_clipped_turn_keeps_its_end_and_is_not_learned(texts, limit):
    (turn,) = turns([Message(2, n, 2, START, False, f"x{text}x") for n, text in enumerate(texts)])
    cost = lambda one: sum(map(len, one.texts))  # noqa: E731
    clipped = clip(turn, cost, limit)
    assert cost(clipped) <= limit
    assert "".join(turn.texts).endswith("".join(clipped.texts))
    assert clipped == turn if cost(turn) <= limit else not clipped.spoken


@given(texts=st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=4), limit=st.integers(5, 60))
def test_what_is_too_long_to_be_learned_is_learned_at_its_beginning(texts, limit):
    (turn,) = turns([Message(2, n, 2, START, False, f"x{text}x") for n, text in enumerate(texts)])
    cost = lambda one: sum(map(len, one.texts))  # noqa: E731
    beginning = begun(turn, cost, limit)
    assert cost(beginning) <= max(limit, cost(turn))
    assert "".join(turn.texts).startswith("".join(beginning.texts))
    assert beginning.spoken and not beginning.ends


def test_a_burst_of_a_thousand_messages_is_looked_at_a_few_times():
    looks = []

    def cost(one):
        looks.append(len(one.texts))
        return sum(map(len, one.texts))

    said = Turn("Ben", False, tuple(f"{number:03}" for number in range(1000)))
    assert clip(said, cost, 30).texts == said.texts[-10:]
    assert begun(said, cost, 30).texts == said.texts[:10]
    assert sum(looks) < 5_000


def test_a_session_of_many_thousand_turns_is_cut_at_once():
    cut = list(windows([10] * 50_000, budget=600))
    assert [window.first for window in cut[1:]] == [window.stop for window in cut[:-1]]
    assert cut[-1] == Window(cut[-1].start, cut[-1].first, 50_000)


@given(costs=st.lists(st.integers(1, 30), max_size=40), budget=st.integers(60, 120))
def test_windows_show_each_turn_once_behind_what_the_bot_would_show(costs, budget):
    learned = []
    for window in windows(costs, budget=budget):
        for index in range(window.first, window.stop):
            learned.append(index)
            assert window.start == window_start(costs[:index], budget=budget)
            assert sum(costs[window.start : index]) <= budget
    assert learned == list(range(len(costs)))


@given(costs=st.lists(st.integers(1, 30), min_size=2, max_size=40), budget=st.integers(60, 120))
def test_history_begins_where_it_did_until_half_of_it_falls_off(costs, budget):
    """What a model has read of a chat stays in its cache."""
    starts = [window_start(costs[:turn], budget=budget) for turn in range(len(costs) + 1)]
    moved = [(a, b) for a, b in pairwise(starts) if a != b]
    assert starts == sorted(starts)
    assert all(sum(costs[a:b]) >= budget // 2 - 30 for a, b in moved)
