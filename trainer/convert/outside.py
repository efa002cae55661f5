"""Families that this program does not know, converted by the sources of llama.cpp that the owner has on this machine.

It knows how llama.cpp's own converter is called, and what it prints. What was learned is merged into a folder of
Hugging Face's format first, for that is all it reads.
"""

import json
import re
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

from exporter.errors import DoppelgangerError
from exporter.progress import PERCENT, Count, uncounted
from trainer.convert.families import CannotConvert
from trainer.convert.gguf import Folder, Weights
from trainer.run import remove

SCRIPT = "convert_hf_to_gguf.py"
WRITTEN = re.compile(r"Writing:\s+(\d+)%")
SHARD = 10**9
"""Bytes of weights that are in memory at once."""
OTHER = "choose another [train] base: one for text alone"
LAST = 3
"""Lines of what it printed that are shown when it fails."""


class NoConverter(DoppelgangerError):
    """There is no converter where the configuration says."""


@dataclass(frozen=True, slots=True)
class Script:
    """llama.cpp's own converter."""

    path: Path

    def __call__(self, folder: Path, output: Path, weights: Weights | None = None, *, count: Count = uncounted) -> None:
        """Write a model of the kind and with the tokenizer of a Hugging Face folder as an F16 GGUF.

        Without `weights` it has the folder's own; with them, as much space again as these take is needed meanwhile.
        With `NoWeights` it is a vocabulary. `count` is told tensors, about.

        Raises:
            CannotConvert: the script fails.
        """
        tensors = len((weights or Folder(folder)).shapes())
        command = [sys.executable, str(self.path), "--outfile", str(output)]
        merged = output.with_name(f".{output.name}.merged")
        try:
            if weights and tensors:
                write_folder(folder, weights, merged)
                folder = merged
            _run(
                [*command, str(folder), *([] if tensors else ["--vocab-only"])],
                lambda share: count(share * tensors // PERCENT, tensors),
            )
        finally:
            remove(merged)


def find(sources: Path) -> Script:
    """The converter inside a folder of llama.cpp's sources. Raises NoConverter."""
    script = sources.expanduser() / SCRIPT
    if not script.is_file():
        raise NoConverter(
            f"{sources} holds no {SCRIPT}",
            fix="let [train] llama_cpp name a folder with the sources of llama.cpp: git clone them there",
        )
    return Script(script)


def require_names(folder: Path) -> None:
    """Check that transformers calls weights as the files of a folder do: what was learned is merged by these names.

    Of models that also see, such as the larger ones of Gemma 3, it does not. Raises CannotConvert.
    """
    model: Any = AutoModelForCausalLM
    try:
        with init_empty_weights():
            known = model.from_config(AutoConfig.from_pretrained(folder)).state_dict().keys()
    except ValueError as error:
        raise CannotConvert(f"the model in {folder} does not go on with a text", fix=OTHER) from error
    if strange := sorted(name for name in Folder(folder).shapes() if name not in known):
        raise CannotConvert(
            f"the weights in {folder} are not called as transformers calls them, such as {strange[0]}, so what is "
            "learned could not be put back; models that also see are stored so",
            fix=OTHER,
        )


def _run(command: list[str], written: Callable[[int], None]) -> None:
    """Run the converter; `written` is told how many per cent it has written."""
    last: deque[str] = deque(maxlen=LAST)
    with subprocess.Popen(
        [*command, "--outtype", "f16"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        try:
            for line in process.stdout or ():  # a carriage return, by which a bar is redrawn, ends a line too
                if share := WRITTEN.match(line):
                    written(int(share[1]))
                elif line.strip():
                    last.append(line.strip())
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise CannotConvert(
            f"llama.cpp's converter failed: {' / '.join(last)}",
            fix="install what it asks for beside this program, take newer sources, or choose another base",
        )


def write_folder(base: Path, weights: Weights, output: Path) -> None:
    """Write a model as a folder of Hugging Face's format: configuration and tokenizer are those of folder `base`."""
    output.mkdir(mode=0o700)
    for file in base.iterdir():
        if file.is_file() and ".safetensors" not in file.name:
            shutil.copyfile(file, output / file.name)
    where: dict[str, str] = {}
    for number, shard in enumerate(_shards(weights), start=1):
        name = f"model-{number:05}.safetensors"
        save_file(shard, output / name, {"format": "pt"})
        where |= dict.fromkeys(shard, name)
    (output / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))


def _shards(weights: Weights) -> Iterator[dict[str, torch.Tensor]]:
    shard: dict[str, torch.Tensor] = {}
    for name in weights.shapes():
        shard[name] = weights.load(name).contiguous()
        if sum(tensor.nbytes for tensor in shard.values()) >= SHARD:
            yield shard
            shard = {}
    if shard:
        yield shard
