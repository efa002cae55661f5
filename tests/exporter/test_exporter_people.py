"""Whom the store knows: names change, and short forms erase nothing."""

import pytest

from exporter.messages import Peer, PeerKind
from exporter.storing.people import People
from exporter.storing.store import Store

GROUP = Peer(-5, PeerKind.GROUP, "Flat")
ANNA = Peer(7, PeerKind.USER, "Anna", "anna_b", access_hash=70)


@pytest.mark.parametrize(
    "before, after",
    [(GROUP, Peer(-5, PeerKind.GROUP, "House")), (ANNA, Peer(7, PeerKind.USER, "Annika", "anna_b", access_hash=70))],
)
def test_a_new_name_is_stored(store: Store, before: Peer, after: Peer) -> None:
    People(store).meet([before])
    people = People(store)
    people.meet([after])
    assert people.get(before.peer_id) == store.peers()[before.peer_id] == after


def test_a_short_form_erases_nothing(store: Store) -> None:
    people = People(store)
    people.meet([ANNA])
    people.meet([Peer(7, PeerKind.USER, "A.")])
    assert people.get(7) == store.peers()[7] == ANNA
