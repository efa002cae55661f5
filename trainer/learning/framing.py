"""The base as its prompts are read: framed by its own tokens where it has any, else with some that are added to it."""

from dataclasses import replace
from pathlib import Path

from trainer.convert.gguf import FreeSpace, free_space
from trainer.learning.base import Base
from trainer.learning.growth import grown, untaught
from trainer.learning.legible import require_legible
from trainer.learning.tokenizer import HFTokenizer, load_tokenizer
from trainer.reading.frame import Frame, choose


def framed(
    base: Base, names: tuple[str, ...], cache: Path, free: FreeSpace = free_space
) -> tuple[Base, HFTokenizer, Frame]:
    """The base with all the tokens of the frame, its tokenizer, and the frame. What is added is kept in `cache`.

    Each of `names` has a token of its own, whose row begins as what spells the name.

    Raises:
        Illegible: its tokenizer does not keep words as they are.
    """
    tokenizer = load_tokenizer(base)
    frame = replace(choose(tokenizer.special, begin=tokenizer.begin), names=names)
    if lacking := [name for name in frame.controls if name not in tokenizer.special]:
        base = grown(
            base, dict.fromkeys(lacking, "") | {token: name for name, token in frame.name_tokens.items()}, cache, free
        )
        tokenizer = load_tokenizer(base)
    require_legible(tokenizer)
    known = [tokenizer.control(name) for name in frame.controls if name not in lacking]
    return replace(base, fresh=(*base.fresh, *untaught(base, known))), tokenizer, frame
