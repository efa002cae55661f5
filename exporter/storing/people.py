"""Whom the store knows, kept at hand, so that only what is new about somebody is written."""

from collections.abc import Iterable

from exporter.messages import Peer, PeerKind
from exporter.storing.store import Store


class People:
    """Peers by their id. Whoever writes peers past it only makes it write once more."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known = store.peers()

    def get(self, peer_id: int) -> Peer | None:
        """A peer; None for a stranger."""
        return self._known.get(peer_id)

    def meet(self, peers: Iterable[Peer]) -> None:
        """Store whom we did not know, or not so well: short forms without access_hash tell nothing new."""
        news = {peer.peer_id: peer for peer in peers if self._is_news(peer)}
        if news:
            self._store.save_peers(news.values())
            self._known |= news

    def _is_news(self, peer: Peer) -> bool:
        before = self._known.get(peer.peer_id)
        if before is None or peer == before:
            return before is None
        basic = peer.kind is PeerKind.GROUP and before.access_hash is None  # a basic group never has one
        return basic or peer.access_hash is not None
