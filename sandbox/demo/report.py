"""What the demo found: the checks that make it a success, report.json, and the picture of both on a terminal."""

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sandbox.demo.commands import Events
from sandbox.demo.scenes import Scene

Json = dict[str, Any]

LINES, SHOWN = 3, 160
"""The most messages, and characters of each, that one cell of the samples shows."""


@dataclass
class Findings:
    """All that the stages brought back; empty where a stage did not come to its end."""

    stages: list[Json] = field(default_factory=list)
    sync: Json = field(default_factory=dict)
    train: Json = field(default_factory=dict)
    samples: list[Json] = field(default_factory=list)
    by_reply: Scene | None = None
    by_button: Scene | None = None
    auto: Scene | None = None
    unlisted: Scene | None = None
    events: Events = field(default_factory=Events)
    problem: str | None = None

    def scenes(self) -> list[Scene]:
        """The scenes that were played."""
        return [scene for scene in (self.by_reply, self.by_button, self.auto, self.unlisted) if scene]


def checks(found: Findings) -> dict[str, bool]:
    """What must truly have happened, by name."""
    bits = found.train.get("bits_per_byte", {})
    return {
        "history was pulled into SQLite": found.sync.get("messages", 0) > 0,
        "a LoRA adapter was trained, merged, converted, quantized and verified": bool(found.train.get("gguf")),
        "the double knows the owner's held-out words better than the base": bits.get("tuned", 9) < bits.get("base", 0),
        "the base and the double answered the same held-out moments": bool(found.samples),
        "draft: the owner answered 2, and exactly that reached the friend": _played(found.by_reply),
        "draft: a button of the control bot sent exactly its proposal": _played(found.by_button),
        "auto: one answer came, read and typed before it": _played(found.auto),
        "in neither list: nothing happened": _played(found.unlisted),
    }


def write(found: Findings, path: Path) -> bool:
    """Write report.json and return whether all went well."""
    ok = found.problem is None and all(checks(found).values())
    train, gguf = dict(found.train), found.train.get("gguf", {})
    report = {
        "ok": ok,
        "problem": found.problem,
        "checks": checks(found),
        "stages": found.stages,
        "sync": found.sync,
        "train": {key: train.get(key) for key in TRAIN_KEYS},
        "gguf": {key: gguf.get(key) for key in ("type", "bytes")},
        "bot": _bot(found),
        "samples": found.samples,
    }
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return ok


TRAIN_KEYS = ("sessions", "tokens", "learned_tokens", "tokens_per_second", "peak_rss_mb", "bits_per_byte")


def _played(scene: Scene | None) -> bool:
    return scene is not None and scene.as_meant


def _bot(found: Findings) -> Json:
    ready, sent = found.events.of("draft.ready"), found.events.of("reply.sent")
    first_token = [float(event["first_token_ms"]) for event in [*ready, *sent] if "first_token_ms" in event]
    seconds = [float(event["seconds"]) for event in sent if "seconds" in event]
    drafted = [scene for scene in (found.by_reply, found.by_button) if scene]
    return {
        "proposals": sum(len(scene.proposals) for scene in drafted),
        "sent_from_draft": sum(len(scene.arrived) for scene in drafted),
        "sent_auto": len(found.auto.arrived) if found.auto else 0,
        "sent_unlisted": len(found.unlisted.arrived) if found.unlisted else 0,
        "first_token_ms": _median(first_token),
        "seconds_to_reply": _median(seconds),
    }


def _median(values: Sequence[float]) -> float | None:
    return round(sorted(values)[len(values) // 2], 3) if values else None


def show(found: Findings, console: Console) -> None:
    """The transcript, the answers side by side, the figures, and the list of checks."""
    for scene in found.scenes():
        console.print(_transcript(scene))
    if found.samples:
        console.print(_samples(found.samples))
    if found.train:
        console.print(_figures(found))
    for name, holds in checks(found).items():
        console.print(Text.assemble(("  ✓ ", "bold green") if holds else ("  ✗ ", "bold red"), name))
    if found.problem:
        console.print(Text.assemble(("problem: ", "bold red"), found.problem))


def _transcript(scene: Scene) -> Panel:
    text = Text()
    for line in scene.lines:
        text.append(f"{scene.friend}: ", "bold cyan").append(f"{line}\n")
    for number, proposal in enumerate(scene.proposals, 1):
        text.append(f"    proposal {number}: ", "dim").append(f"{proposal}\n", "dim")
    if scene.signs:
        text.append(f"    {scene.friend}'s phone showed: {_in_short(scene.signs)}\n", "dim")
    for line in scene.arrived:
        text.append("double: ", "bold magenta").append(f"{line}\n")
    if not scene.arrived:
        text.append("(the double stays silent)\n", "italic")
    text.append(f"what the owner once answered: {' / '.join(scene.truly)}", "dim italic")
    return Panel(text, title=scene.title, title_align="left", border_style="green" if scene.as_meant else "red")


def _in_short(signs: Sequence[str]) -> str:
    kept = [sign for sign, before in zip(signs, (None, *signs), strict=False) if sign != before]
    return ", ".join(kept)


def _samples(samples: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title="Moments that nobody learned from", show_lines=True, expand=True)
    for heading, style in (("they wrote", ""), ("he said", "green"), ("base", "dim"), ("double", "magenta")):
        table.add_column(heading, style=style, ratio=1)
    for sample in samples:
        table.add_row(*(Text(_shown(sample[key])) for key in ("context", "real", "base", "tuned")))
    return table


def _shown(messages: Sequence[str]) -> str:
    """As much as a table has room for; report.json has all of it."""
    return "\n".join(textwrap.shorten(message, SHOWN, placeholder=" …") for message in messages[-LINES:])


def _figures(found: Findings) -> Table:
    train, bits = found.train, found.train["bits_per_byte"]
    change = 100 * (bits["tuned"] / bits["base"] - 1)
    table = Table(show_header=False, title="Figures")
    rows = [
        ("history", f"{found.sync['messages']} messages of {found.sync['chats']} chats"),
        ("sync", f"{found.sync['messages_per_second']:,.0f} messages/s"),
        (
            "to learn from",
            f"{train['sessions']} sessions, {train['learned_tokens']:,} of {train['tokens']:,} tokens",
        ),
        ("training", f"{train['tokens_per_second']:,.0f} tokens/s, {train['peak_rss_mb']:,.0f} MB at its peak"),
        ("held-out bits per byte", f"base {bits['base']:.3f}, double {bits['tuned']:.3f} ({change:+.1f} %)"),
        ("model", f"{train['gguf']['type']}, {train['gguf']['bytes'] / 1e6:,.0f} MB"),
    ]
    bot = _bot(found)
    if bot["first_token_ms"] is not None:
        rows.append(("first token after", f"{bot['first_token_ms']:,.0f} ms"))
    if bot["seconds_to_reply"] is not None:
        rows.append(("reply after", f"{bot['seconds_to_reply']:.1f} s"))
    for name, value in rows:
        table.add_row(name, value)
    return table
