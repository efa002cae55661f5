"""What is broken, the system's own, or nothing at all never goes to anybody, however it came about."""

import asyncio

import pytest

from bot.desks.drafts import DraftState

UNSENDABLE = [
    (),
    ("",),
    (" \n",),
    ("\u200b\ufeff",),
    ("fine", ""),
    ("caf\N{REPLACEMENT CHARACTER}",),
    ("a\0b",),
    ("<|im_start|>Boris\nhi",),
    ("sure<|endoftext|>",),
    ("one<filename>two",),
    ("[photo]",),
    ("[sticker 😂]",),
    ("my number is [phone 1]",),
    ("ok", "ok", "ok"),
    ("I am on my way " * 5,),
    ("assistant: hello",),
    ("Olive: yes\nBoris: no",),
    ("As an AI language model, I cannot",),
    ("Traceback (most recent call last):\n  File 'x'",),
]


def outgoing(at):
    """All that went from the owner to others."""
    return [text for name in ("Anna", "Boris", "Nina") for text in at.from_owner(at.person(name))]


@pytest.fixture
def more_limits():
    return 'quiet_hours = "", likelihood = 0, topics = []'


async def test_whatever_a_model_says_only_what_is_fit_is_proposed_or_sent(at):
    anna, boris = at.person("Anna"), at.person("Boris")
    at.script.says = UNSENDABLE
    async with at.running() as drafts:
        for friend in (anna, boris):
            at.say(friend, at.owner, "coming?")
        await at.until(lambda: sum("fit to send" in line for line in at.lines) == 2)
        assert drafts.all_open() == [] and at.saved() == [] and at.states() == [] and outgoing(at) == []
        at.script.says = [*UNSENDABLE, ("fine",)]
        for friend in (anna, boris):
            at.say(friend, at.owner, "hello?")
        draft = await at.until(lambda: drafts.open_in(anna.id))
        await at.until(lambda: outgoing(at))
        assert draft.proposals == (("fine",),) and outgoing(at) == ["fine"]
        await at.until(lambda: at.states() == [("fine", "sent")])


@pytest.mark.parametrize("after", [0, 1])
async def test_an_error_while_the_model_speaks_says_nothing_to_anybody(at, after):
    """Also where it spoke before: the bot ends with the error, which is told at the terminal alone."""
    broke = asyncio.Event()

    async def fails(prompt, blank, *, count):
        if len(outgoing(at)) < after:
            return await type(at.script).replies(at.script, prompt, blank, count=count)
        broke.set()
        raise RuntimeError("the model broke")

    at.script.replies, at.script.says = fails, [("fine",)]
    boris = at.person("Boris")
    with pytest.raises(BaseException) as error:
        async with at.running():
            for number in range(after + 1):
                at.say(boris, at.owner, f"coming {number}?")
                await at.until(lambda sent=number: broke.is_set() or len(outgoing(at)) > sent)
            await at.quiet()
    assert error.group_contains(RuntimeError) or isinstance(error.value, RuntimeError)
    assert outgoing(at) == ["fine"] * after and [text for text, _ in at.states()] == ["fine"] * after


async def test_all_that_goes_to_others_was_proposed_and_stands_in_the_outbox(at):
    anna, boris = at.person("Anna"), at.person("Boris")
    at.script.says = [("fine", "see you"), ("no",)]
    async with at.running() as drafts:
        at.say(boris, at.owner, "coming?")
        at.say(anna, at.owner, "coming?")
        (card,) = await at.until(at.saved)
        at.say(at.owner, at.owner, "/status", silent=True)
        at.say(at.owner, at.owner, "1", reply_to=card)
        await at.until(lambda: at.from_owner(anna) == ["fine", "see you"])
        await at.until(lambda: at.from_owner(boris) == ["fine", "see you"])
        await at.until(lambda: sorted(at.states()) == sorted((text, "sent") for text in ("fine", "see you") * 2))
        assert drafts.get(1).state is DraftState.SENT
    assert outgoing(at) == ["fine", "see you"] * 2
