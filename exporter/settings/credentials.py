"""Secrets that need not stand in the configuration: in the environment, in files that it names, or a service manager's.

For each of them, in this order: the variable itself; the file that the variable with _FILE at its end names, as
containers have it; the credential of its name without DOPPELGANGER_, in small letters, as systemd's LoadCredential has.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exporter.errors import ConfigError

SECRETS = {
    "DOPPELGANGER_API_HASH": ("telegram", "api_hash"),
    "DOPPELGANGER_BOT_TOKEN": ("control", "token"),
    "DOPPELGANGER_PASSPHRASE": ("telegram", "passphrase"),
}
"""Variable -> section and key of the configuration."""


def given(environ: Mapping[str, str]) -> dict[str, str]:
    """The secrets that are there, by their variables.

    Raises:
        ConfigError: a file that is named cannot be read.
    """
    return {variable: value for variable in SECRETS if (value := _value(variable, environ)) is not None}


def filled(values: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """The configuration's values with these secrets in their places. Raises as `given` does."""
    whole = dict(values)
    for variable, value in given(environ).items():
        section, key = SECRETS[variable]
        if isinstance(whole.get(section, {}), dict):
            whole[section] = {**whole.get(section, {}), key: value}
    return whole


def stand_in(values: Mapping[str, Any]) -> bool:
    """Whether the configuration's values hold a secret themselves."""
    sections = ((values.get(section), key) for section, key in SECRETS.values())
    return any(isinstance(section, dict) and key in section for section, key in sections)


def _value(variable: str, environ: Mapping[str, str]) -> str | None:
    if variable in environ:
        return environ[variable]
    if named := environ.get(f"{variable}_FILE"):
        return _read(Path(named), f"{variable}_FILE")
    credential = Path(environ.get("CREDENTIALS_DIRECTORY", ""), variable.removeprefix("DOPPELGANGER_").lower())
    if "CREDENTIALS_DIRECTORY" in environ and credential.exists():
        return _read(credential, "the service manager")
    return None


def _read(path: Path, by: str) -> str:
    """A file's first line, which may end with a line break or not."""
    try:
        return path.read_text("utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigError(f"{path}, named by {by}, cannot be read: {why}", fix="mend its path or permissions") from None
