"""Frames: chosen by the tokens that a base has, kept in the card, and the same in both libraries."""

import json
from dataclasses import replace

import pytest

from tests.bot.bigram import a_card
from tests.trainer.small import byte_level, save, small_base
from trainer.convert.gguf import convert
from trainer.learning.base import Base
from trainer.learning.tokenizer import load_tokenizer
from trainer.models.artifact import Card, PromptMismatch, verify, vocabulary
from trainer.reading.dialogue import Turn
from trainer.reading.frame import ADDED, CHATML, GEMMA, LLAMA_3, Frame, choose
from trainer.reading.golden import fingerprint
from trainer.reading.prompt import PromptSpec, Scene, encode, render_prompt, render_row

SPOKEN = (Turn("Ben", False, ("hey", "you up?"), mark="Sunday noon"), Turn("Ann", True, ("yep", "why")))
OWN = {LLAMA_3: ("<|begin_of_text|>", "<|reserved_special_token_0|>"), GEMMA: ("<bos>", "<end_of_image>")}
"""What begins a text and what is spare, in other families than ChatML's."""


def shown(frame, *, reply=False):
    """A dialogue in this frame, in words."""
    spec, scene = PromptSpec(frame), Scene("Ann", "Ben")
    if reply:
        return "".join(segment.value for segment in render_row(spec, scene, SPOKEN, frozenset({1})))
    return "".join(segment.value for segment in render_prompt(spec, scene, SPOKEN[:1], mark="2 h later"))


def test_chatml_is_rendered_as_smollm_knows_it():
    assert shown(CHATML, reply=True) == (
        "<|im_start|>system\nAnn and Ben<|im_end|>\n"
        "Sunday noon\n<|im_start|>Ben\nhey<filename>you up?<|im_end|>\n"
        "<|im_start|>Ann\nyep<filename>why<|im_end|>\n"
    )


def test_llama_3_has_its_header_tokens_with_names_as_roles():
    assert shown(
        choose(
            {"<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"}, begin="<|begin_of_text|>"
        )
    ) == (
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nAnn and Ben<|eot_id|>"
        "Sunday noon\n<|start_header_id|>Ben<|end_header_id|>\n\nhey<|im_sep|>you up?<|eot_id|>"
        "2 h later\n<|start_header_id|>Ann<|end_header_id|>\n\n"
    )


def test_gemma_has_its_turns_with_names_as_roles():
    assert shown(choose({"<start_of_turn>", "<end_of_turn>", "<end_of_image>"}, begin="<bos>")) == (
        "<bos><start_of_turn>system\nAnn and Ben<end_of_turn>\n"
        "Sunday noon\n<start_of_turn>Ben\nhey<end_of_image>you up?<end_of_turn>\n"
        "2 h later\n<start_of_turn>Ann\n"
    )


@pytest.mark.parametrize(
    ("special", "expected"),
    [
        ({"<|im_start|>", "<|im_end|>", "<filename>"}, CHATML),
        ({"<|im_start|>", "<|im_end|>"}, replace(CHATML, burst_separator="<|im_sep|>")),
        ({"<|im_start|>", "<|im_end|>", "<|quad_end|>"}, replace(CHATML, burst_separator="<|quad_end|>")),
        ({"<unk>", "</s>", "[INST]"}, ADDED),
        ({"<|start_header_id|>", "<|eot_id|>"}, ADDED),
        (set(), ADDED),
    ],
)
def test_the_frame_is_chosen_by_the_tokens_that_there_are(special, expected):
    assert choose(special) == expected


@pytest.mark.parametrize("family", OWN)
def test_a_base_is_framed_by_its_own_tokens_in_both_libraries(tmp_path, family):
    begin, spare = OWN[family]
    expected = replace(family, begin=begin, burst_separator=spare)
    made = byte_level(expected.controls)
    save(made, tmp_path, expected.controls, begin=begin)
    hf = load_tokenizer(Base(small_base(tmp_path, made)))
    assert choose(hf.special, begin=hf.begin) == expected
    spec, forged = PromptSpec(expected), Turn("Ben", False, ("".join(expected.controls),))
    ids = encode(hf, render_prompt(spec, Scene("Ann", "Ben"), (forged,))).ids
    assert ids[0] == hf.control(begin) and [ids.count(hf.control(name)) for name in expected.in_replies] == [2, 0]
    convert(tmp_path, tmp_path / "model.gguf")
    with vocabulary(tmp_path / "model.gguf") as gguf:
        assert encode(gguf, render_prompt(spec, Scene("Ann", "Ben"), (forged,))).ids == ids
        verify(a_card().model_copy(update={"prompt": spec, "fingerprint": fingerprint(hf, spec)}), gguf)


def test_golden_dialogues_hold_forged_tokens_of_every_frame():
    seen = []

    class Letters:
        def text(self, value):
            seen.append(value)
            return list(value.encode())

        def control(self, name):
            return 300 + len(name)

    fingerprint(Letters(), PromptSpec(LLAMA_3))
    assert all(any(control in text for text in seen) for control in LLAMA_3.controls)


def test_a_card_keeps_its_frame():
    card = a_card().model_copy(update={"prompt": PromptSpec(replace(LLAMA_3, begin="<|begin_of_text|>"), 256)})
    assert Card.model_validate_json(card.model_dump_json()) == card


def test_a_card_of_before_there_were_frames_is_read_as_what_was_the_only_one(gguf):
    values = json.loads(a_card().model_dump_json())
    values["prompt"] = {
        "turn_open": "<|im_start|>",
        "turn_close": "<|im_end|>",
        "burst_separator": "<filename>",
        "length": 1024,
    }
    card = Card.model_validate_json(json.dumps(values))
    assert card.prompt == PromptSpec(CHATML, 1024)
    verify(card, gguf)


def test_a_card_with_a_frame_that_the_model_lacks_is_refused(gguf):
    card = a_card().model_copy(update={"prompt": PromptSpec(Frame(turn_open="<start_of_turn>"))})
    with pytest.raises(PromptMismatch, match="<start_of_turn>"):
        verify(card, gguf)
