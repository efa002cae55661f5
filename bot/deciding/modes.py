"""Which mode each chat has now: what the owner chose at a desk, over the configuration, over his folders in Telegram.

A chat that none of them names is off, and so is one of which they say two things at once.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from exporter.pulling.dialogs import Folder, demand_folder
from exporter.settings.config import Config
from exporter.settings.modes import Mode, is_person, resolve_modes, without_lost
from exporter.settings.replying import Reply
from exporter.storing.store import Store

log = logging.getLogger(__name__)


class Modes:
    """The modes of all chats.

    Attributes:
        lost: what to tell the owner of those whom the configuration names, but who can no longer be told; one line
            each. They are answered by nobody for that.

    Raises:
        ConfigError: the configuration names somebody twice, or nobody to talk with, or nobody under off.
    """

    def __init__(self, config: Config, store: Store, clock: Callable[[], datetime]) -> None:
        self._reply = config.reply
        self._store = store
        self._table = store.database.table("chosen_mode")
        self._clock = clock
        peers = store.contacts()
        reply, self.lost = without_lost(config.reply, peers)
        self._configured = resolve_modes(reply, peers)
        self._in_folders: Mapping[int, Mode] = {}

    @property
    def by_folders(self) -> bool:
        """Whether the configuration names a folder at all."""
        return bool(self._reply.draft_folder or self._reply.auto_folder)

    def now(self) -> dict[int, Mode]:
        """Every chat whose mode is not off; what a group was given, the supergroup has that it became."""
        chosen = {row["chat_id"]: Mode(row["mode"]) for row in self._table.rows}
        peers, became = self._store.peers(), self._store.state.migrated()
        modes = {
            became.get(chat_id, chat_id): mode
            for layer in (self._in_folders, self._configured, chosen)
            for chat_id, mode in layer.items()
        }
        return {
            chat_id: mode
            for chat_id, mode in modes.items()
            if mode is not Mode.OFF and chat_id in peers and is_person(peers[chat_id])
        }

    def choose(self, chat_id: int, mode: Mode) -> None:
        """The owner chose it at a desk; it holds until he chooses another."""
        row = {"chat_id": chat_id, "mode": mode, "chosen_at": int(self._clock().timestamp())}
        self._table.upsert(row, pk="chat_id")
        log.info("mode.chosen", extra={"chat_id": chat_id, "mode": mode})

    def choose_nothing(self, chat_id: int) -> None:
        """Whatever the owner chose for it at a desk no longer holds."""
        self._table.delete_where("chat_id = ?", [chat_id])
        log.info("mode.unchosen", extra={"chat_id": chat_id})

    def look_into(self, folders: Sequence[Folder]) -> None:
        """Take in the owner's folders as they are now.

        Raises:
            ConfigError: one that the configuration names is not there, or there twice; then no folder counts.
        """
        self._in_folders = {}
        self._in_folders = in_folders(self._reply, folders)


def in_folders(reply: Reply, folders: Sequence[Folder]) -> dict[int, Mode]:
    """The modes of chats that lie in the folders under [reply], by chat id; off for one that lies in both.

    Only chats count that the owner put there one by one: of a folder of all contacts, or of all groups, nobody can say
    who will be in it tomorrow.

    Raises:
        ConfigError: a folder is not there, or there twice.
    """
    held: dict[int, Mode] = {}
    for mode, title in ((Mode.DRAFT, reply.draft_folder), (Mode.AUTO, reply.auto_folder)):
        if title is None:
            continue
        demand_folder(title, folders)
        for folder in (one for one in folders if one.title == title):
            for chat_id in folder.named - folder.excluded:
                held[chat_id] = Mode.OFF if chat_id in held else mode
    return held
