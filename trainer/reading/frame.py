"""The frame around turns, as data: which control tokens and which plain words stand where.

A base reads dialogues best in the frame that it knows, so the frame is chosen by the special tokens that a tokenizer
has, never by a model's name. A model's card keeps it, and training and the bot render by it. Pure.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around names and words. The defaults are ChatML as SmolLM2 has it."""

    turn_open: str = "<|im_start|>"
    """The control token before the name of who speaks."""
    name_close: str = ""
    """The control token behind that name; none in most families."""
    name_end: str = "\n"
    """Plain words between the name, or `name_close`, and what is said."""
    turn_close: str = "<|im_end|>"
    """The control token behind what is said; a reply ends with it."""
    turn_end: str = "\n"
    """Plain words behind a turn."""
    burst_separator: str = "<filename>"
    """The control token between the messages of one burst; a line break may stand inside a message."""
    begin: str = ""
    """The control token that begins every text, if the base was taught to expect one."""
    names: tuple[str, ...] = ()
    """Who has a token of their own where a turn says who speaks, and only there."""

    @property
    def name_tokens(self) -> Mapping[str, str]:
        """Those tokens by name; they are numbered, so that no name is read as anything else."""
        return {name: f"<|name_{number}|>" for number, name in enumerate(self.names, 1)}

    @property
    def controls(self) -> tuple[str, ...]:
        """All control tokens by name, each once; nobody can type them."""
        framing = (self.begin, self.turn_open, self.name_close, self.burst_separator, self.turn_close)
        return tuple(dict.fromkeys((*filter(None, framing), *self.name_tokens.values())))

    @property
    def in_replies(self) -> tuple[str, ...]:
        """Those that stand inside a reply."""
        return (self.turn_close, self.burst_separator)


CHATML = Frame()
LLAMA_3 = Frame(
    turn_open="<|start_header_id|>",
    name_close="<|end_header_id|>",
    name_end="\n\n",
    turn_close="<|eot_id|>",
    turn_end="",
)
GEMMA = Frame(turn_open="<start_of_turn>", turn_close="<end_of_turn>")

FAMILIES = (CHATML, LLAMA_3, GEMMA)
"""The first one whose turn tokens a tokenizer has is taken."""
ADDED = replace(CHATML, turn_end="", burst_separator="<|im_sep|>")
"""For a tokenizer that has none of them: ChatML's tokens are added to it. Nobody taught its base to expect more."""

SEPARATORS = ("<filename>", "<|reserved_special_token_0|>", "<|quad_end|>", "<end_of_image>")
"""Special tokens that no dialogue needs: of SmolLM2, Llama 3, Qwen 2.5 and later, and Gemma 3.

Of SmolLM2's reserved tokens, `<filename>` has an embedding of its own. `<file_sep>` and ten others share theirs, and
output weights are tied to them, so a model could never tell which of these to say.
"""


def choose(special: Collection[str], *, begin: str = "") -> Frame:
    """The frame for a tokenizer with these special tokens, of which `begin` begins a text; what it lacks is added."""
    fits = (family for family in FAMILIES if {family.turn_open, family.name_close, family.turn_close} <= {"", *special})
    separator = next((name for name in SEPARATORS if name in special), ADDED.burst_separator)
    return replace(next(fits, ADDED), burst_separator=separator, begin=begin)
