"""`/stats`: how the owner writes, in a few lines, and as a picture where matplotlib is installed.

To count takes seconds and to draw takes more, so both happen on a thread, with a connection of its own.
"""

import asyncio
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from bot.desks.cards import clip
from bot.desks.orders.order import Answer
from exporter.messages import Peer
from exporter.settings.config import Config
from exporter.stats import wording
from exporter.stats.figures import Figures
from exporter.stats.survey import SESSION_GAP, TERMS, Scope, survey
from exporter.stats.vocabulary import Term
from exporter.storing.store import open_store

CHATS = 8
"""The largest chats that are named."""
NAME = 64
"""UTF-16 units of a name."""


async def stats(config: Config, _words: str) -> Answer:
    """A few lines and a picture. Raises DoppelgangerError where nothing is stored."""
    return await asyncio.to_thread(_stats, config)


def _stats(config: Config) -> Answer:
    with open_store(config.database) as store:
        gap = config.train.session_gap or SESSION_GAP
        figures = survey(store, Scope(), ZoneInfo(config.timezone), gap=gap)
        peers = store.peers()
    words = figures.lexicon.distinctive(TERMS, without=wording.names_of(peers.values()))
    return Answer(_told(figures, words), _drawn(figures, peers))


def _told(figures: Figures, words: Sequence[Term]) -> str:
    own, others = figures.own, figures.others
    rows = [
        f"{wording.period(figures)}: {own.messages:,} messages of yours, {others.messages:,} of theirs",
        f"median reply: yours {_reply(own.latency.quantile(0.5))}, theirs {_reply(others.latency.quantile(0.5))}",
        f"in a row: {wording.number(own.bursts.mean)} of yours, {wording.number(others.bursts.mean)} of theirs",
        f"you write most on {wording.peak(figures.own_week)}" if own.messages else "",
        *(
            f"{clip(chat.peer.title, NAME)}: {chat.own.messages:,} of yours, {chat.others.messages:,} of theirs"
            for chat in figures.chats[:CHATS]
        ),
        f"words that are your own: {', '.join(term.text for term in words)}" if words else "",
    ]
    return "\n".join(filter(None, rows))


def _reply(seconds: int | None) -> str:
    return f"after {wording.duration(seconds)}"


def _drawn(figures: Figures, peers: Mapping[int, Peer]) -> bytes | None:
    """None without matplotlib, which is an extra: then the lines have to do."""
    try:
        from exporter.stats.chart import phone  # takes a second, and whoever asks for no figures need not have it
    except ModuleNotFoundError as missing:
        if missing.name != "matplotlib":
            raise
        return None
    return phone(figures, {peer_id: peer.name for peer_id, peer in peers.items()})
