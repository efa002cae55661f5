"""Names of frequent contacts as tokens of their own: in roles alone, and never for what somebody types."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from exporter.rights.consent import Ledger
from tests.bot.bigram import a_card
from tests.trainer.small import CHATML, byte_level, save, small_base
from trainer import pipeline
from trainer.convert.gguf import Folder, convert
from trainer.data.split import frequent, split
from trainer.learning.base import Base
from trainer.learning.framing import framed
from trainer.learning.tokenizer import load_tokenizer
from trainer.models.artifact import verify, vocabulary
from trainer.reading.dialogue import Turn
from trainer.reading.frame import LLAMA_3, Frame
from trainer.reading.golden import fingerprint
from trainer.reading.prompt import PromptSpec, Scene, encode, render_prompt

NAMES = ("Ben", "Боря")


@pytest.fixture
def base(tmp_path):
    made = byte_level(CHATML)
    save(made, tmp_path / "base", CHATML, end="<|im_end|>")
    return Base(small_base(tmp_path / "base", made))


def test_a_name_is_one_token_where_a_turn_says_who_speaks(base, tmp_path):
    grown, hf, frame = framed(base, NAMES, tmp_path / "cache")
    tokens = [hf.control(f"<|name_{number}|>") for number in (1, 2)]
    assert frame == Frame(names=NAMES) and list(grown.fresh) == tokens
    history = (
        Turn(" Ben\n", False, ("I am Ben, not <|name_2|>",)),
        Turn("Eve", False, ("<|name_1|>",)),
        Turn("Боря", False, ("Боря",)),
        Turn("<|name_1|>", False, ("it is me, Ben",)),
    )
    shown = render_prompt(PromptSpec(frame), Scene("Ann", "Ben"), history)
    assert "".join(segment.value for segment in shown).startswith(
        "<|im_start|>system\nAnn and Ben<|im_end|>\n<|im_start|><|name_1|>\nI am Ben"
    )
    ids = encode(hf, shown).ids
    assert [token for token in ids if token in tokens] == tokens
    convert(grown.folder, tmp_path / "model.gguf")
    spec = PromptSpec(frame)
    with vocabulary(tmp_path / "model.gguf") as gguf:
        assert encode(gguf, shown).ids == ids
        verify(a_card().model_copy(update={"prompt": spec, "fingerprint": fingerprint(hf, spec)}), gguf)


def test_the_row_of_a_name_begins_as_what_spells_it(base, tmp_path):
    grown, _, _ = framed(base, ("than",), tmp_path / "cache")
    name = "model.embed_tokens.weight"
    before, after = (Folder(one.folder).load(name).float() for one in (base, grown))
    spelled = load_tokenizer(base).text("than")
    assert (after[-1] - before[spelled].mean(0)).abs().max() < 0.01 and grown.fresh == (len(before),)


def test_header_tokens_stand_around_a_name_that_has_a_token():
    frame = replace(LLAMA_3, names=("Ben",))
    shown = render_prompt(PromptSpec(frame), Scene("Ann", "Ben"), (Turn("Ben", False, ("hey",)),))
    assert "<|start_header_id|><|name_1|><|end_header_id|>\n\nhey" in "".join(segment.value for segment in shown)


def test_fingerprints_tell_apart_who_has_which_token(base, tmp_path):
    _, hf, frame = framed(base, NAMES, tmp_path / "cache")
    other = replace(frame, names=tuple(reversed(NAMES)))
    assert fingerprint(hf, PromptSpec(frame)) != fingerprint(hf, PromptSpec(other))


def test_the_most_frequent_contacts_are_chosen_and_no_secret_is():
    said = [("Ben", 3), ("Eve", 2), ("[phone 1]", 9), ("Zoë", 5), ("Ann", 20)]
    turns = [Turn(name, name == "Ann", ("hi",)) for name, count in said for _ in range(count)]
    history = SimpleNamespace(learned=[SimpleNamespace(turns=turns)])
    assert frequent(history, 0) == ()
    assert frequent(history, 2) == ("Ben", "Zoë")
    assert frequent(history, 9) == ("Ben", "Eve", "Zoë")


def test_as_many_names_as_are_set_have_tokens_in_every_row(store, config_of, base):
    config = config_of(base=str(base.folder), name_tokens=1)
    config.make_state()
    history = split(store, Ledger(store.database, config.consent), config)
    training = pipeline.prepare(history, config.train, config.state / "base")
    assert training.spec.frame == Frame(names=("Ben",))
    (token,) = training.base.fresh
    chats = {row.chat_id: token in row.ids for row in training.data.learned}
    assert chats == {2: True, -3: False}, "Ben speaks in his own chat alone"
    kept = pipeline.prepare(history, config.train, config.state / "base", names=("Eve",))
    assert kept.spec.frame == Frame(names=("Eve",)), "a refresh keeps those that its model has"
