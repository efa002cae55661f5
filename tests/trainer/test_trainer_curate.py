"""What is said too often, by one chat too much, or held out is not learned; small histories are left alone."""

from collections import Counter
from datetime import timedelta
from itertools import count

from tests.trainer.conftest import START
from trainer.data.curate import ALL_SHORT, CHAT_ENOUGH, ENOUGH, ONE_SHORT, Curation, Measured, curate
from trainer.reading.conversations import Conversation
from trainer.reading.dialogue import Turn
from trainer.reading.prompt import Scene

PASTED = "for sale: a red bicycle of my uncle in very good order, ask me for the price before friday evening"


def talk(*answers: str, chat_id: int = 5, number: int = 0) -> Conversation:
    """Ben asks a different thing each time, Ann answers."""
    turns = [
        turn
        for index, answer in enumerate(answers)
        for turn in (Turn("Ben", False, (f"question {number} {index}?",)), Turn("Ann", True, (answer,)))
    ]
    times = tuple(START + timedelta(days=number, minutes=minute) for minute in range(len(turns)))
    return Conversation(chat_id, Scene("Ann", "Ben"), tuple(turns), times, times)


def chatter(turns: int, *, chat_id: int = 5) -> list[Conversation]:
    """Sessions of ten answers, each of its own."""
    numbers = count()
    return [
        talk(*(f"my answer is {next(numbers)} in {chat_id}" for _ in range(10)), chat_id=chat_id, number=number)
        for number in range(turns // 10)
    ]


def learn(learned, held_out=(), *, chat_share=0.5, seed=1, everyone=False):
    return curate(learned, Measured(held_out), everyone=everyone, chat_share=chat_share, seed=seed)


def spoken(conversations) -> Counter[str]:
    return Counter(turn.texts[0] for one in conversations for turn in one.turns if turn.own and turn.spoken)


def test_a_small_history_is_learned_as_it_is():
    small = [talk(*["see you at the usual place then"] * 40, *["ok"] * 40), talk("hi", chat_id=6)]
    assert learn(small) == (tuple(small), Curation())


def test_what_is_said_n_times_is_learned_1_plus_log2_n_times_and_stays_as_context():
    history = [*chatter(ENOUGH), talk(*["See you, at the usual place!"] * 32, *["see you at the usual place"] * 32)]
    told, report = learn(history)
    assert report == Curation(duplicates=64 - 7)
    assert sum(spoken(told).values()) == ENOUGH + 7
    assert [[turn.texts for turn in one.turns] for one in told] == [
        [turn.texts for turn in one.turns] for one in history
    ]


def test_those_that_answer_different_things_are_kept():
    same = talk(*["what is the output of that"] * 64)
    turns = [
        turn if turn.own or index < 12 else Turn("Ben", False, ("again?",)) for index, turn in enumerate(same.turns)
    ]
    same = Conversation(5, same.scene, tuple(turns), same.times, same.ends)
    told, _ = learn([*chatter(ENOUGH), same])
    kept = {told[-1].turns[index - 1].texts for index, turn in enumerate(told[-1].turns) if turn.own and turn.spoken}
    assert len(kept) == 7


def test_short_replies_keep_their_share_until_they_are_too_many():
    few = [*chatter(400), talk(*["ok"] * 30, *["yes"] * 20, "😂", "😂")]
    assert learn(few) == (tuple(few), Curation())
    told, report = learn([*chatter(400), talk(*["ok"] * 300, *["yes"] * 20)])
    said = spoken(told)
    assert said["yes"] == 20 and said["ok"] == 300 - report.short
    assert 0.9 * ONE_SHORT < said["ok"] / said.total() <= ONE_SHORT + 0.02
    words = [f"word{number}" for number in range(60)]
    told, report = learn([*chatter(400), talk(*(words * 10))])
    said = spoken(told)
    assert abs(sum(said[word] for word in words) / said.total() - ALL_SHORT) < 0.05
    assert {said[word] for word in words} == {said[words[0]]}


def test_who_says_but_one_thing_is_learned_all_the_same():
    assert sum(spoken(learn([talk(*["ok"] * 900)])[0]).values()) == ENOUGH
    assert sum(spoken(learn([talk(*["ok"] * 200, *["see you there"] * 700)])[0]).values()) == ENOUGH


def test_without_spaces_between_words_few_signs_are_short_and_copies_are_found():
    answers = [f"我在{chr(0x4E00 + number)}路上了" for number in range(400)]
    assert learn([talk(*answers)])[1] == Curation()
    told, report = learn([talk(*answers, *["好的"] * 300)])
    assert report.short == 300 - spoken(told)["好的"] > 200
    copied = "出售：我叔叔的红色自行车，车况很好，周五晚上之前可以问我价格"
    assert learn([talk(copied, "好的")], [f"大家好，{copied}"])[1] == Curation(held_out=1)


def test_a_dominant_chat_keeps_its_newest_sessions():
    history = [*chatter(2 * CHAT_ENOUGH), *chatter(CHAT_ENOUGH + 500, chat_id=6)]
    told, report = learn(history)
    assert report == Curation(capped={5: (CHAT_ENOUGH - 500) // 10})
    assert [one for one in told if one.chat_id == 5] == history[: 2 * CHAT_ENOUGH // 10][report.capped[5] :]
    assert learn(history, chat_share=1.0)[1] == Curation()


def test_a_chat_is_not_cut_below_what_is_enough_and_the_only_one_not_at_all():
    history = chatter(CHAT_ENOUGH + 20)
    assert learn(history)[1] == Curation()
    assert learn([*history, talk("hi", chat_id=6)])[1] == Curation(capped={5: 2})


def test_what_is_held_out_nearly_word_for_word_is_not_learned():
    held_out = [PASTED, "ok", "did you have a good look at the other one?"]
    copies = (PASTED.upper(), PASTED.replace("red", "blue"), f"hi all, {PASTED}", PASTED.partition(", ask")[0])
    told, report = learn(
        [talk(*copies, "ok", "did you have a good look at the other one?", "a red bicycle, in good order?")], held_out
    )
    assert report == Curation(held_out=4)
    assert list(spoken(told)) == ["ok", "did you have a good look at the other one?", "a red bicycle, in good order?"]


def test_whoever_is_learned_from_is_thinned():
    others = Conversation(
        5,
        Scene("Ann", "Ben"),
        tuple(Turn("Ben", False, ("did you see the news today",)) for _ in range(64)),
        (START,) * 64,
        (START,) * 64,
    )
    assert learn([*chatter(ENOUGH), others])[1] == Curation()
    assert learn([*chatter(ENOUGH), others], everyone=True)[1].duplicates == 64 - 7


def test_the_seed_decides_and_nothing_else():
    history = [*chatter(400), talk(*["ok"] * 300, *["see you at the usual place"] * 50)]
    assert learn(history) == learn(history)
    assert learn(history)[0] != learn(history, seed=2)[0]
    assert learn(history)[1] == learn(history, seed=2)[1]
