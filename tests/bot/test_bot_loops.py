"""Whether a chat goes round in circles."""

from datetime import UTC, datetime, timedelta

from bot.deciding.loops import MARK, Run, run_of
from exporter.messages import Message

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def chat(*said, every=60):
    """Messages of a chat: own ones begin with ">"."""
    return [
        Message(5, number, 5, BEGAN + timedelta(seconds=every * number), text.startswith(">"), text.removeprefix(">"))
        for number, text in enumerate(said)
    ]


def ids(messages):
    return {one.message_id for one in messages if one.outgoing}


def test_a_run_counts_answers_until_the_owner_had_a_hand_in_it():
    said = chat("hi", ">by hand", "and", "you", ">auto", ">of two", "fine?", ">auto again", "ok")
    assert run_of(said, ids(said) - {1}) == Run(answers=2)
    assert run_of(said, ids(said) - {1, 7}) == Run(answers=0)
    assert run_of([], ()) == Run()


def test_answers_within_two_seconds_are_no_hands():
    said = chat("hi", ">one", "what", ">two", "why", ">three", "so", every=2)
    assert run_of(said, ids(said)).quick == 3
    assert run_of(chat("hi", ">one", "what", every=3), {1}).quick == 0


def test_nearly_the_same_again_and_again_is_a_circle():
    circle = chat("hello there!", ">hi", "hello there", ">hi!!", "hello there.", ">hi", "hello there")
    assert run_of(circle, ids(circle)).alike == 2, "hi and hi!! differ"
    machine = chat(*["I am away until next week.", ">ok", "I am away until next week!", ">sure thing"], "what")
    assert run_of(machine, ids(machine)).alike == 2
    people = chat("how was it", ">good", "nice", ">yes", "what else", ">nothing", "ok")
    assert run_of(people, ids(people)).alike == 0


def test_the_mark_of_a_double_is_seen():
    assert run_of(chat("hi", f"how are you {MARK} "), ()).marked
    assert not run_of(chat(f"{MARK} is a robot"), ()).marked
