"""Sessions, turns and clipping: nothing is lost, nothing is said twice."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from exporter.messages import Message, MessageKind
from trainer.dialogue import clip, sessions, turns, window_start, windows, words

START = datetime(2026, 1, 1, tzinfo=UTC)
GAP = timedelta(minutes=60)
NAMES = {1: "Ann", 2: "Ben", 3: "Eve"}


@st.composite
def chats(draw):
    """A chat, oldest first."""
    at, messages = START, []
    for number in range(draw(st.integers(0, 12))):
        at += timedelta(seconds=draw(st.sampled_from([0, 5, 3600, 3601, 90_000])))
        sender = draw(st.sampled_from([1, 2, 3]))
        kind = draw(st.sampled_from([MessageKind.TEXT, MessageKind.STICKER, MessageKind.SERVICE]))
        forwarded = draw(st.booleans())
        messages.append(
            Message(
                2,
                number,
                sender,
                at,
                sender == 1,
                draw(st.sampled_from(["hi", " ", "yes\nno"])),
                kind,
                forwarded=forwarded,
            )
        )
    return messages


@given(chat=chats())
def test_sessions_are_the_chat_cut_at_each_long_silence(chat):
    cut = list(sessions(chat, gap=GAP))
    assert [message for session in cut for message in session] == chat
    assert all(later.sent_at - one.sent_at <= GAP for s in cut for one, later in pairwise(s))
    assert all(b[0].sent_at - a[-1].sent_at > GAP for a, b in pairwise(cut))


@given(chat=chats())
def test_turns_say_every_word_once_and_in_order(chat):
    said = turns(chat, NAMES, owner="Ann")
    heard = [words(m) for m in chat if m.kind is not MessageKind.SERVICE and words(m)]
    assert [text for turn in said for text in turn.texts] == heard
    assert all((a.name, a.spoken) != (b.name, b.spoken) for a, b in pairwise(said))
    assert all(turn.own == (turn.name == "Ann") for turn in said)


def test_an_album_is_one_message_and_a_call_is_none():
    chat = [
        Message(2, 1, 1, START, True, "look", MessageKind.PHOTO, album=7),
        Message(2, 2, 1, START, True, "", MessageKind.PHOTO, album=7),
        Message(2, 3, 1, START, True, "", MessageKind.CALL, duration=60),
        Message(2, 4, 1, START, True, "", MessageKind.PHOTO),
    ]
    (turn,) = turns(chat, NAMES, owner="Ann")
    assert turn.texts == ("[photo] look [photo]", "[photo]")


def test_what_is_not_the_senders_own_text_is_context():
    chat = [
        Message(2, 1, 1, START, True, "mine"),
        Message(2, 2, 1, START, True, "theirs", forwarded=True),
        Message(2, 3, 1, START, True, "a bot's", via_bot=True),
        Message(2, 4, 1, START, True, "", MessageKind.STICKER, emoji="😂"),
        Message(2, 5, 1, START, True, "look", MessageKind.PHOTO),
        Message(2, 6, 1, START, True, "joined", MessageKind.SERVICE),
        Message(2, 7, 9, START, False, "who am I"),
    ]
    said = turns(chat, NAMES, owner="Ann")
    assert [(turn.name, turn.spoken, turn.texts) for turn in said] == [
        ("Ann", True, ("mine",)),
        ("Ann", False, ("theirs", "a bot's", "[sticker 😂]", "[photo] look")),
        ("someone", True, ("who am I",)),
    ]


@given(texts=st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=4), limit=st.integers(5, 60))
def test_a_clipped_turn_keeps_its_end_and_is_not_learned(texts, limit):
    (turn,) = turns([Message(2, n, 2, START, False, f"x{text}x") for n, text in enumerate(texts)], NAMES, owner="Ann")
    cost = lambda one: sum(map(len, one.texts))  # noqa: E731
    clipped = clip(turn, cost, limit)
    assert cost(clipped) <= limit
    assert "".join(turn.texts).endswith("".join(clipped.texts))
    assert clipped == turn if cost(turn) <= limit else not clipped.spoken


@given(costs=st.lists(st.integers(1, 30), max_size=40), budget=st.integers(60, 120))
def test_windows_show_each_turn_once_behind_what_the_bot_would_show(costs, budget):
    learned = []
    for window in windows(costs, budget=budget):
        for turn in range(window.first, window.stop):
            learned.append(turn)
            assert window.start == window_start(costs[:turn], budget=budget)
            assert sum(costs[window.start : turn]) <= budget
    assert learned == list(range(len(costs)))


@given(costs=st.lists(st.integers(1, 30), min_size=2, max_size=40), budget=st.integers(60, 120))
def test_history_begins_where_it_did_until_half_of_it_falls_off(costs, budget):
    """What a model has read of a chat stays in its cache."""
    starts = [window_start(costs[:turn], budget=budget) for turn in range(len(costs) + 1)]
    moved = [(a, b) for a, b in pairwise(starts) if a != b]
    assert starts == sorted(starts)
    assert all(sum(costs[a:b]) >= budget // 2 - 30 for a, b in moved)
