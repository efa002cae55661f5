"""All doubles that were trained, and which of them is in use.

Each lies in a folder of its own that appears whole or not at all. Which one is in use, and what was before it, stands
in one small file that is replaced in one atomic step: whatever is killed when, there is a state that makes sense. It
knows what must hold of a model that is used; whether one deserves it, trainer.models.gate knows.
"""

import fcntl
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from exporter.errors import DoppelgangerError
from trainer.models.artifact import CARD, MODEL, RETRAIN, Artifact, PromptMismatch, check, read
from trainer.run import remove as erase

POINTER = "in-use.json"
VERDICT = "verdict.json"


class NoModel(DoppelgangerError):
    """There is no model of that kind: none trained, none in use, none to go back to, none of that name."""


class InUse(DoppelgangerError):
    """The model that is in use is not removed."""


class Pointer(BaseModel):
    """Which model is in use; models are named as their folders are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    in_use: str
    before: tuple[str, ...] = ()
    """What was in use before it, the latest first: where a rollback leads. Some may be gone by now."""


class Verdict(BaseModel):
    """What the gate found when the model came: whether it may be used, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    passed: bool
    why: str
    """In words that go on after the model's name and a colon."""
    against: str | None = None
    """The model that was in use then."""
    bits_per_byte: float | None = None
    """Of this one, on the same words as `against_bits_per_byte`, in llama.cpp; None: nothing was in use."""
    against_bits_per_byte: float | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One model, as `models` shows it."""

    name: str
    artifact: Artifact | None
    """None: its card is not one that this code can read."""
    in_use: bool
    usable: bool
    """This code reads prompts as the model does, and it learned from nobody who was forgotten."""
    why_not: str
    """Why it is not in use, or must not be; empty for the one in use, where all is well."""


def in_use(models: Path) -> str | None:
    """The name of the model in use: one small file to read, for whoever looks often. None: there is none."""
    pointer = _pointer(models)
    return pointer.in_use if pointer else None


def current(models: Path) -> Artifact:
    """The model in use.

    Raises:
        NoModel: there is none.
        PromptMismatch: its card is not one that this code can read.
    """
    name = in_use(models)
    if name is None:
        if there := names(models):
            raise NoModel(
                f"none of the {len(there)} models in {models} is in use",
                fix="see `python -m trainer models` for why, and `python -m trainer models promote NAME`",
            )
        raise NoModel(f"there is no trained model in {models}", fix=RETRAIN)
    if not _is_whole(models / name):
        raise NoModel(
            f"the model in use, {name}, is gone from {models}",
            fix=f"go back to another with `python -m trainer models rollback`, or {RETRAIN}",
        )
    return read(models / name)


def names(models: Path) -> list[str]:
    """Of all whole models, newest first."""
    return sorted((card.parent.name for card in models.glob(f"[!.]*/{CARD}") if _is_whole(card.parent)), reverse=True)


def find(models: Path, name: str) -> str:
    """The whole name of the model that `name` means: its name, or a part of it that no other has.

    Raises:
        NoModel: none is, or several are.
    """
    there = names(models)
    meant = [one for one in there if one == name] or [one for one in there if name in one]
    if len(meant) != 1:
        several = f"could be {' or '.join(meant)}" if meant else "is none of the models"
        raise NoModel(f"{name} {several}", fix="`python -m trainer models` lists their names")
    return meant[0]


def listed(models: Path, *, forgotten: Collection[int] = ()) -> list[Listed]:
    """All models, newest first. Opens the vocabulary of each: a tenth of a second a model.

    `forgotten` are ids of who was: a model that learned from them is not usable.
    """
    used = in_use(models)
    return [_listed(models / name, forgotten, used=name == used) for name in names(models)]


def publish(prepared: Path, models: Path, verdict: Verdict) -> Artifact:
    """Give a prepared folder (model and card) its place and name among the models, in one atomic step.

    `prepared` must lie on the same file system as `models`. It is not in use by that.
    """
    (prepared / VERDICT).write_text(verdict.model_dump_json(indent=2) + "\n", "utf-8")
    card = read(prepared).card
    with _alone(models):
        name = stamp = f"{card.created:%Y-%m-%d-%H%M%S}"
        number = 1
        while (models / name).exists():
            number += 1
            name = f"{stamp}-{number}"
        return read(prepared.rename(models / name))


def verdict(artifact: Artifact) -> Verdict:
    """What the gate said when the model came."""
    return Verdict.model_validate_json((artifact.folder / VERDICT).read_bytes())


def made_by(models: Path, run_digest: str) -> Artifact:
    """The newest model that came out of the training with this digest.

    Raises:
        NoModel: none did.
    """
    for name in names(models):
        with suppress(PromptMismatch):
            if (artifact := read(models / name)).card.run_digest == run_digest:
                return artifact
    raise NoModel(f"no model in {models} came out of the training {run_digest}", fix=RETRAIN)


def promote(models: Path, name: str, *, forgotten: Collection[int] = ()) -> Artifact:
    """Put a model to use. `name` may be abbreviated; `forgotten` are ids of who was.

    Raises:
        NoModel: none is called so.
        PromptMismatch: this code reads prompts otherwise than it does.
        LearnedFromForgotten: it learned from one of them.
    """
    with _alone(models):
        artifact = read(models / find(models, name))
        check(artifact, forgotten)
        pointer = _pointer(models)
        if pointer is None:
            _point(models, Pointer(in_use=artifact.name))
        elif pointer.in_use != artifact.name:
            before = dict.fromkeys((pointer.in_use, *pointer.before))
            _point(models, Pointer(in_use=artifact.name, before=_others(models, before, artifact.name)))
        return artifact


def settle(models: Path, artifact: Artifact, *, keep: int, forgotten: Collection[int]) -> None:
    """What follows upon publishing: put it to use if the gate let it through, and erase all but the newest `keep`."""
    if verdict(artifact).passed:
        promote(models, artifact.name, forgotten=forgotten)
    thin(models, keep)


def rollback(models: Path, *, skipped: Callable[[str, str], None], forgotten: Collection[int] = ()) -> Artifact:
    """Put the model to use that was in use before; `skipped` is told of those that cannot be, and why.

    Raises:
        NoModel: there is none to go back to.
    """
    with _alone(models):
        pointer = _pointer(models)
        before = _others(models, pointer.before, pointer.in_use) if pointer else ()
        for index, name in enumerate(before):
            try:
                artifact = read(models / name)
                check(artifact, forgotten)
            except DoppelgangerError as error:
                skipped(name, error.problem)
                continue
            _point(models, Pointer(in_use=name, before=before[index + 1 :]))
            return artifact
    raise NoModel(
        "there is no model to go back to", fix="see `python -m trainer models`, and `python -m trainer models promote`"
    )


def remove(models: Path, name: str) -> str:
    """Erase a model; returns its name. `name` may be abbreviated.

    Raises:
        NoModel: none is called so.
        InUse: it is the one in use.
    """
    with _alone(models):
        whole = find(models, name)
        if whole == in_use(models):
            raise InUse(f"{whole} is in use", fix="put another to use first: `python -m trainer models promote NAME`")
        _erase(models, whole)
        return whole


def thin(models: Path, count: int) -> list[str]:
    """Erase all but the newest `count`, the one in use and the one a rollback leads to; returns who was erased."""
    with _alone(models):
        pointer = _pointer(models)
        needed = (pointer.in_use, *_others(models, pointer.before, pointer.in_use)[:1]) if pointer else ()
        old = [name for name in names(models)[count:] if name not in needed]
        for name in old:
            _erase(models, name)
        return old


def _listed(folder: Path, forgotten: Collection[int], *, used: bool) -> Listed:
    try:
        artifact = read(folder)
    except DoppelgangerError as error:
        return Listed(folder.name, None, used, usable=False, why_not=error.problem)
    try:
        check(artifact, forgotten)
    except DoppelgangerError as error:
        return Listed(folder.name, artifact, used, usable=False, why_not=error.problem)
    found = verdict(artifact)
    why_not = "" if used else "set aside: another was put to use" if found.passed else found.why
    return Listed(folder.name, artifact, used, usable=True, why_not=why_not)


def _is_whole(folder: Path) -> bool:
    return all((folder / name).is_file() for name in (CARD, MODEL, VERDICT))


def _others(models: Path, among: Iterable[str], one: str) -> tuple[str, ...]:
    """Those among them that are still there, without `one`."""
    return tuple(name for name in among if name != one and _is_whole(models / name))


def _pointer(models: Path) -> Pointer | None:
    try:
        return Pointer.model_validate_json((models / POINTER).read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        raise NoModel(
            f"{models / POINTER} does not say which model is in use",
            fix=f"remove {POINTER}, then `python -m trainer models promote NAME`",
        ) from None


def _point(models: Path, pointer: Pointer) -> None:
    """Written beside it, then put in its place at once."""
    scratch = models / f".{POINTER}"
    with scratch.open("w", encoding="utf-8") as file:
        file.write(pointer.model_dump_json(indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(models / POINTER)


def _erase(models: Path, name: str) -> None:
    """It is no model any more before its files go; what was killed in between goes now."""
    (models / name).rename(models / f".{name}.removed")
    for remains in models.glob(".*.removed"):
        erase(remains)


@contextmanager
def _alone(models: Path) -> Iterator[None]:
    """One process at a time changes what is in use."""
    models.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (models / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
