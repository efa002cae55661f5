"""The training set as one file, to train on another machine: dialogues, how they were split, and the settings.

It holds dialogues without their secrets, and no token ids, so the other machine may train on any base. Two lines of
JSON, compressed: what the file is, and the dialogues. It is no archive, so there are no paths in it. Light: no torch.
"""

import gzip
import hashlib
import json
import zlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter

from exporter.errors import DoppelgangerError
from exporter.rights.dossier import private
from exporter.settings.config import Train
from trainer.data.split import Split
from trainer.machine import memory
from trainer.reading.golden import fingerprint
from trainer.reading.prompt import PromptSpec

AGAIN = "make it anew with `python -m trainer bundle`, and copy it again"

_HISTORY = TypeAdapter(Split)


class NoBundle(DoppelgangerError):
    """The file is no bundle, is damaged, or comes from another release."""


class Header(BaseModel):
    """What a bundle is; no dialogue is in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    release: str
    """How dialogues are stored and rendered; another code that does so otherwise makes models of no use here."""
    sha256: str
    """Of the line with the dialogues."""
    created: AwareDatetime
    owner: str
    chats: tuple[int, ...]
    """Ids of those that are learned from."""
    people: tuple[int, ...]
    """Ids of everybody who has a word in those chats."""
    sessions: int
    settings: Train
    memory: int
    """Bytes that the machine has on which it was made, and on which the model will speak."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was read."""

    header: Header
    history: Split

    def on(self, base: str) -> "Bundle":
        """The same with another base, or with the base's name on this machine."""
        settings = self.header.settings.model_copy(update={"base": base})
        return replace(self, header=self.header.model_copy(update={"settings": settings}))


def write_bundle(history: Split, settings: Train, output: Path, now: datetime, *, people: Collection[int]) -> Header:
    """Write the file `output`, whole or not at all, for the eyes of its owner only.

    `people` are the ids of everybody who has a word in the chats that are learned from.

    Raises:
        DoppelgangerError: it exists, or cannot be written.
    """
    body = _HISTORY.dump_json(history)
    header = Header(
        release=_release(),
        sha256=hashlib.sha256(body).hexdigest(),
        created=now,
        owner=history.learned[0].scene.owner,
        chats=learned_chats(history),
        people=tuple(sorted(people)),
        sessions=len(history.learned),
        settings=settings,
        memory=memory(),
    )
    with private(output) as file, gzip.GzipFile(fileobj=file.buffer, mode="wb", filename="", mtime=0) as packed:
        packed.write(header.model_dump_json().encode() + b"\n" + body)
    return header


def learned_chats(history: Split) -> tuple[int, ...]:
    """Ids of the chats that are learned from, sorted."""
    return tuple(sorted({one.chat_id for one in history.learned}))


def read_bundle(path: Path) -> Bundle:
    """What is in a bundle.

    Raises:
        NoBundle: it is none that this code can read.
    """
    try:
        with gzip.open(path, "rb") as packed:
            header, body = _header(path, packed.readline()), packed.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise NoBundle(f"{path} is no bundle, or a part of one", fix=AGAIN) from error
    if hashlib.sha256(body).hexdigest() != header.sha256:
        raise NoBundle(f"{path} is damaged: its dialogues are not those that were written", fix=AGAIN)
    return Bundle(header, _HISTORY.validate_json(body))


def _header(path: Path, line: bytes) -> Header:
    """The first line; checked before the dialogues are read, for another release may have other ones."""
    try:
        if json.loads(line).get("release") != _release():
            raise NoBundle(
                f"{path} comes from another release: it stores dialogues otherwise, or shows them to a model otherwise",
                fix="install the same release on both machines, then make the bundle anew",
            )
        return Header.model_validate_json(line)
    except (ValueError, AttributeError) as error:
        raise NoBundle(f"{path} is no bundle", fix=AGAIN) from error


class _Bytes:
    """A tokenizer of no model: under it, golden dialogues show how this code renders, whatever the base."""

    def text(self, value: str) -> list[int]:
        return list(value.encode())

    def control(self, name: str) -> int:
        return 256 + zlib.crc32(name.encode())


def _release() -> str:
    """Changes when this code stores or renders dialogues otherwise: 16 hexadecimal digits."""
    parts = (fingerprint(_Bytes(), PromptSpec()), _HISTORY.json_schema(), Header.model_json_schema())
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
