"""Exports of other programs into the store: one module a source, and `import_file` for whoever has a file.

`telegram` and `records` know Telegram Desktop's JSON; `whatsapp`, `lines` and `markers` WhatsApp's text; `intake` is
what both share.
"""

from codecs import BOM_UTF8
from datetime import UTC, tzinfo
from pathlib import Path

from exporter.errors import DoppelgangerError
from exporter.imports.intake import ImportResult
from exporter.imports.telegram import import_telegram
from exporter.imports.whatsapp import import_whatsapp
from exporter.progress import Report, silent
from exporter.storing.store import Store

__all__ = ["ImportResult", "import_file"]

_FIX = "name a result.json of Telegram Desktop, a _chat.txt or zip of WhatsApp, or the folder that holds it"


def import_file(
    store: Store,
    path: Path,
    *,
    me: str | int | None = None,
    zone: tzinfo = UTC,
    contact: str | None = None,
    report: Report = silent,
) -> ImportResult:
    """Store what an export says, in batches: what was written stays, and a rerun adds nothing twice.

    Args:
        path: a file of Telegram Desktop's or WhatsApp's, told apart by how it begins, or a folder with one.
        me: who the owner is, where the file does not say: his name in it or, of Telegram, his user id.
        zone: of the clock by which WhatsApp, and Telegram Desktop of before 2022, wrote.
        contact: of WhatsApp, who in the store the other one is; both chats are then read as one.

    Raises:
        DoppelgangerError: no such file, no export, nobody known to be its owner, or another owner's store.
    """
    file = _in_folder(path) if path.is_dir() else path
    said = f"user{me}" if isinstance(me, int) else me
    if _is_json(file):
        if contact is not None:
            raise DoppelgangerError(f"{file} says itself with whom its chats are", fix="leave out --as")
        return import_telegram(store, file, me=said, zone=zone, report=report)
    return import_whatsapp(store, file, me=said, zone=zone, contact=contact, report=report)


def _in_folder(folder: Path) -> Path:
    for pattern in ("result.json", "_chat.txt", "*WhatsApp*.txt"):
        if found := sorted(folder.glob(pattern)):
            return found[0]
    raise DoppelgangerError(f"{folder} holds no export", fix=_FIX)


def _is_json(file: Path) -> bool:
    """WhatsApp's lines on iOS begin with `[`, but no export of Telegram's does."""
    if file.suffix.lower() in (".json", ".txt", ".zip"):
        return file.suffix.lower() == ".json"
    try:
        with file.open("rb") as opened:
            return opened.read(64).removeprefix(BOM_UTF8).lstrip()[:1] == b"{"
    except OSError as error:
        raise DoppelgangerError(f"{file} cannot be read: {error.strerror}", fix=_FIX) from None
