"""A configuration file out of the example and some values: what the example says of each key stays with it."""

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from exporter.errors import ConfigError
from exporter.settings.config import EXAMPLE, load

Value = str | int | Iterable["Value"] | Mapping[str, "Value"]
Key = tuple[str, str]
"""A section, nothing for what stands before the first; and a key in it."""

_SECTION = re.compile(r"\[([\w.]+)\]")
_KEY = re.compile(r"(?:# )?(\w+) = ")


def fill(values: Mapping[Key, Value | None]) -> str:
    """The example with these values in their places; a key whose value is None is put behind a `#`.

    Raises:
        KeyError: the example knows no such key.
    """
    lines: list[str] = []
    section, left = "", dict(values)
    for line in EXAMPLE.read_text("utf-8").splitlines():
        if found := _SECTION.match(line):
            section = found[1]
        key = (section, found[1]) if (found := _KEY.match(line)) else None
        if key in left:
            value = left.pop(key)
            if value is not None and lines:
                lines[-1] = lines[-1].removesuffix(" An example:")
            line = f"# {line.removeprefix('# ')}" if value is None else f"{key[1]} = {toml(value)}"
        lines.append(line)
    if left:
        raise KeyError(*left)
    return "\n".join(lines) + "\n"


def toml(value: Value) -> str:
    """A value as TOML writes it."""
    match value:
        case str() | int():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case Mapping():
            return f"{{ {', '.join(f'{key} = {toml(one)}' for key, one in value.items())} }}"
        case _:
            return f"[{', '.join(map(toml, value))}]"


def write_config(path: Path, text: str, environ: Mapping[str, str] = os.environ) -> None:
    """Put a configuration in place, for its owner's eyes only, once it is known to be a good one; all of it or none.

    Raises:
        ConfigError: it is none, or the file cannot be written.
    """
    growing = path.with_name(f".{path.name}.part")
    try:
        growing.unlink(missing_ok=True)
        growing.touch(mode=0o600, exist_ok=False)
        try:
            growing.write_text(text, "utf-8")
            load(growing, environ)
            growing.replace(path)
        finally:
            growing.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}", fix="name a file in a folder of yours with --config"
        ) from error
