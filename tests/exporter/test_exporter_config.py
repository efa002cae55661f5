"""The configuration: closed, frozen, explained in the example, and its secrets kept out of sight."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from exporter.config import EXAMPLE, Config, load
from exporter.errors import ConfigError
from exporter.section import Section

SMALLEST = '[telegram]\napi_id = 1\napi_hash = "secret"\n'


def keys(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from keys(field.annotation)
        else:
            yield name, field.default


def test_the_example_is_valid_and_speaks_for_nobody() -> None:
    config = load(EXAMPLE, environ={})
    assert (config.sync.chats, config.sync.kinds) == ((), frozenset())
    assert (config.reply.draft, config.reply.auto, config.control.token) == ((), (), None)
    assert config.telegram.server is None
    assert config.consent.default == {}


def test_the_example_explains_every_key() -> None:
    text = EXAMPLE.read_text()
    explained = set(re.findall(r"^(?:# )?(\w+) = ", text, re.MULTILINE))
    assert explained == {name for name, _ in keys(Config)}
    assert all(f"{part} =" in text for part in ("host", "port", "dc_id", "public_key"))


def test_the_example_shows_the_defaults(tmp_path: Path) -> None:
    """Taking the # from every line that is no example changes nothing."""
    shown, example = [], False
    for line in EXAMPLE.read_text().splitlines():
        if not line.startswith("# "):
            example = False
        if re.match(r"# \w+ = ", line) and not example:
            shown.append(line.removeprefix("# "))
        elif not line.startswith("#"):
            shown.append(line)
        example = example or line.endswith("An example:")
    file = tmp_path / "config.toml"
    file.write_text("\n".join(shown))
    assert load(file, environ={}) == load(EXAMPLE, environ={})


def test_a_typo_is_named(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(SMALLEST + '[sync]\nchat = ["Anna"]\n[reply]\npace = -1\n')
    with pytest.raises(ConfigError) as refused:
        load(file, environ={})
    assert "sync.chat" in refused.value.problem
    assert "reply.pace" in refused.value.problem


def test_consent_is_a_choice_of_scopes_for_kinds_of_chats(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(SMALLEST + '[consent]\ndefault = { private = ["store", "learn"], group = ["store"] }\n')
    assert load(file, environ={}).consent.default == {"private": {"store", "learn"}, "group": {"store"}}
    file.write_text(SMALLEST + '[consent]\ndefault = { privat = ["store"], group = ["lern"] }\n')
    with pytest.raises(ConfigError, match=r"consent\.default\.privat.*consent\.default\.group"):
        load(file, environ={})


@pytest.mark.parametrize("content", ["[telegram", 'timezone = "Mars/Base"\n' + SMALLEST, b"\xff".decode("latin-1")])
def test_what_cannot_be_read_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(content, "latin-1")
    with pytest.raises(ConfigError):
        load(file, environ={})


def test_secrets_may_come_from_the_environment_and_are_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[telegram]\napi_id = 1\n")
    config = load(file, environ={"DOPPELGANGER_API_HASH": "canary-hash", "DOPPELGANGER_BOT_TOKEN": "canary-token"})
    assert config.telegram.api_hash.get_secret_value() == "canary-hash"
    assert "canary" not in repr(config)


def test_a_wrong_secret_is_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[telegram]\napi_id = "canary"\napi_hash = 5\n')
    with pytest.raises(ConfigError) as refused:
        load(file, environ={})
    assert "canary" not in refused.value.problem


def test_the_default_state_is_in_the_home_of_the_user() -> None:
    assert load(EXAMPLE, environ={}).state == Path.home() / ".local/share/doppelganger"


def test_the_state_folder_is_private(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'state = "{tmp_path}/a/b"\n{SMALLEST}')
    config = load(file, environ={})
    config.make_state()
    assert config.state.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("address", ["", "127.0.0.1:8081", "http://", "ftp://host"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, address: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(SMALLEST + f'[control]\napi_base = "{address}"\n')
    with pytest.raises(ConfigError, match=r"control\.api_base: no address; an example is"):
        load(file, environ={})
