"""What is kept about somebody is found in every table there is, shown as JSON, and erased on the command line."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.tables import migrations as bot_tables
from exporter.commands import main
from exporter.errors import ConfigError
from exporter.rights.kept import ABOUT_NOBODY, DENY_LIST, PASSING, parts, voices
from exporter.settings.config import Config
from exporter.storing.store import Store, open_store

from .forgetting import NOW, said, small


@pytest.fixture
def store(config: Config) -> Iterator[Store]:
    """With the tables of the bot."""
    config.make_state()
    with open_store(config.database, bot_tables) as opened:
        yield opened


def test_every_table_is_about_somebody_or_says_that_it_is_not(store: Store) -> None:
    listed = store.database.execute("select name, type from pragma_table_list where schema = 'main'").fetchall()
    ours = {name for name, kind in listed if kind == "table" and not name.startswith("sqlite_")}
    assert ours == parts(store.database).keys() | ABOUT_NOBODY | DENY_LIST | PASSING


def test_a_chats_voices_are_all_whose_words_stand_in_it(store: Store) -> None:
    small(store)
    store.add([said(-3, 2, sender_id=8), said(-3, 3, origin_id=9), said(11, 1, sender_id=12)])
    assert voices(store.database, [-1000000000009]) == {-1000000000009, -3, 7, 8, 9}


def test_export_and_forget_on_the_command_line(config: Config, config_file: Path, store: Store, tmp_path: Path) -> None:
    def call(*arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--config", str(config_file)])

    small(store)
    output = tmp_path / "anna.json"
    assert call("export", "anna", "--output", str(output)).exit_code == 0
    assert output.stat().st_mode & 0o777 == 0o600
    told = json.loads(output.read_text())
    assert [one["name"] for one in told["peers"]] == ["Anna"]
    assert told["messages"][0]["sent_at"] == NOW.isoformat() and len(told["messages"]) == 4
    assert json.loads(call("export", "7").stdout) == told
    refused = call("forget", "Anna").exception
    assert isinstance(refused, ConfigError) and "--yes" in refused.fix and not store.forgotten.ids()
    done = call("forget", "Anna", "--yes")
    assert "4  messages" in done.stderr and "backups" in done.stderr
    assert call("forget").stdout == "7\n"
    assert call("forget", "7", "--allow-again").exit_code == 0
    assert store.forgotten.ids() == frozenset()
