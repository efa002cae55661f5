"""The configuration: closed, frozen, explained in the example, and its secrets kept out of sight."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from exporter.errors import ConfigError
from exporter.settings.config import EXAMPLE, Config, load
from exporter.settings.section import Section

SMALLEST = '[telegram]\napi_id = 1\napi_hash = "secret"\n'


def keys(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from keys(field.annotation)
        else:
            yield name, field.default


@pytest.fixture
def example(tmp_path: Path) -> Config:
    """The example as somebody has it who copied it."""
    file = tmp_path / "config.example.toml"
    file.write_text(EXAMPLE.read_text())
    return load(file, environ={})


def test_the_example_is_valid_and_speaks_for_nobody(example: Config) -> None:
    config = example
    assert (config.sync.chats, config.sync.kinds) == ((), frozenset())
    assert (config.reply.draft, config.reply.auto, config.control.token) == ((), (), None)
    assert config.telegram.server is None
    assert config.consent.default == {}


def test_the_example_explains_every_key() -> None:
    text = EXAMPLE.read_text()
    explained = set(re.findall(r"^(?:# )?(\w+) = ", text, re.MULTILINE))
    assert explained == {name for name, _ in keys(Config)}
    assert all(f"{part} =" in text for part in ("host", "port", "dc_id", "public_key"))


def test_the_example_shows_the_defaults(tmp_path: Path, example: Config) -> None:
    """Taking the # from every line that is no example changes nothing."""
    shown, is_example = [], False
    for line in EXAMPLE.read_text().splitlines():
        if not line.startswith("# "):
            is_example = False
        if re.match(r"# \w+ = ", line) and not is_example:
            shown.append(line.removeprefix("# "))
        elif not line.startswith("#"):
            shown.append(line)
        is_example = is_example or line.endswith("An example:")
    file = tmp_path / "config.toml"
    file.write_text("\n".join(shown))
    assert load(file, environ={}) == example


def test_a_typo_is_named(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(SMALLEST + '[sync]\nchat = ["Anna"]\n[reply]\npace = -1\ndraft = "Anna"\n[replay]\n')
    with pytest.raises(ConfigError) as refused:
        load(file, environ={})
    assert "sync.chat: there is no such key; is chats meant?" in refused.value.problem
    assert "replay: there is no such key; is reply meant?" in refused.value.problem
    assert "reply.draft: it is a list, such as" in refused.value.problem
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


def test_the_default_state_is_in_the_home_of_the_user(example: Config) -> None:
    assert example.state == Path.home() / ".local/share/doppelganger"


def test_the_state_folder_is_private(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'state = "{tmp_path}/a/b"\n{SMALLEST}')
    config = load(file, environ={})
    config.make_state()
    assert config.state.stat().st_mode & 0o777 == 0o700
    config.make_state()


OPEN = ["", "models", "runs", "doppelganger.db", "doppelganger.db-wal", "doppelganger.db-shm", "account.session",
        "account.session-journal"]  # fmt: skip


@pytest.mark.parametrize("name", OPEN)
def test_acceptance_39_what_others_could_read_in_the_state_folder_is_refused_with_its_remedy(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "config.toml").write_text(f'state = "{tmp_path}/my state"\n{SMALLEST}')
    config = load(tmp_path / "config.toml", environ={})
    config.make_state()
    path = config.state / name
    if "." in name:
        path.touch()
    else:
        path.mkdir(exist_ok=True)
    config.make_state()
    path.chmod(path.stat().st_mode | 0o040)
    with pytest.raises(ConfigError, match=re.escape(str(path))) as refused:
        config.make_state()
    assert refused.value.exit_code == 2
    subprocess.run(refused.value.fix.split("`")[1], shell=True, check=True)  # noqa: S602 - as its user would
    config.make_state()


def test_secrets_in_a_configuration_that_others_could_read_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(SMALLEST)
    file.chmod(0o644)
    with pytest.raises(ConfigError, match=r"config\.toml \(mode 0644\)") as refused:
        load(file, environ={})
    assert f"chmod go= {file}" in refused.value.fix
    file.write_text("[telegram]\napi_id = 1\n")
    assert load(file, environ={"DOPPELGANGER_API_HASH": "x"}).telegram.api_id == 1, "without secrets, others may"


def test_secrets_come_from_the_environment_from_files_or_from_the_service_manager(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[telegram]\napi_id = 1\n")
    (tmp_path / "api_hash").write_text("of a file\n")
    (tmp_path / "bot_token").write_text("12:token")
    named = {"DOPPELGANGER_API_HASH_FILE": str(tmp_path / "api_hash")}
    assert _hash(load(file, environ=named)) == "of a file"
    assert _hash(load(file, environ={**named, "DOPPELGANGER_API_HASH": "itself"})) == "itself"
    managed = load(file, environ={"CREDENTIALS_DIRECTORY": str(tmp_path)})
    token = managed.control.token
    assert _hash(managed) == "of a file" and token and token.get_secret_value() == "12:token"
    with pytest.raises(ConfigError, match="DOPPELGANGER_API_HASH_FILE, cannot be read: No such file"):
        load(file, environ={"DOPPELGANGER_API_HASH_FILE": str(tmp_path / "nowhere")})


def _hash(config: Config) -> str:
    return config.telegram.api_hash.get_secret_value()


@pytest.mark.parametrize("address", ["", "127.0.0.1:8081", "http://", "ftp://host"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, address: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(SMALLEST + f'[control]\napi_base = "{address}"\n')
    with pytest.raises(ConfigError, match=r"control\.api_base: no address; an example is"):
        load(file, environ={})
