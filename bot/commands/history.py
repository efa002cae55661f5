"""The history with the bot's own tables, as its commands open it."""

from collections.abc import Iterator
from contextlib import contextmanager

from bot.tables import migrations
from exporter.config import Config
from exporter.store import Store, open_store


@contextmanager
def history(config: Config) -> Iterator[Store]:
    """The store under the configured state folder, closed at the end."""
    config.make_state()
    with open_store(config.database, migrations) as store:
        yield store
