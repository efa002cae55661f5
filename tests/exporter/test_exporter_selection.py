"""Which chats are meant: one clear answer or a refusal."""

import pytest

from exporter.config import Sync
from exporter.errors import ConfigError
from exporter.messages import Peer, PeerKind
from exporter.selection import resolve_contact, select_chats

ANNA = Peer(7, PeerKind.USER, "Anna", "anna_b")
OTHER_ANNA = Peer(8, PeerKind.USER, "anna")
BORIS = Peer(9, PeerKind.USER, "Boris")
FLAT = Peer(-5, PeerKind.GROUP, "Flat")
BOT = Peer(10, PeerKind.BOT, "Helper", "helper_bot")
PEERS = (FLAT, ANNA, BORIS, BOT)


@pytest.mark.parametrize("contact", ["Anna", "anna", "@Anna_B", 7])
def test_a_contact_has_three_names(contact: str | int) -> None:
    assert resolve_contact(contact, PEERS) == ANNA


def test_an_ambiguous_name_asks_for_the_id() -> None:
    with pytest.raises(ConfigError) as refused:
        resolve_contact("Anna", (*PEERS, OTHER_ANNA))
    assert "7, 8" in refused.value.fix


@pytest.mark.parametrize("contact", ["Ana", "@anna", 70, "-5", ""])
def test_an_unknown_name_is_refused(contact: str | int) -> None:
    with pytest.raises(ConfigError):
        resolve_contact(contact, PEERS)


def test_a_typo_gets_a_suggestion() -> None:
    with pytest.raises(ConfigError) as refused:
        resolve_contact("Borris", PEERS)
    assert refused.value.fix == "did you mean Boris?"


def test_names_and_kinds_add_up() -> None:
    assert select_chats(Sync(chats=("Flat", -5, "Anna")), PEERS) == (FLAT, ANNA)
    assert select_chats(Sync(kinds=frozenset({"private"})), PEERS) == (ANNA, BORIS)
    assert select_chats(Sync(chats=("@helper_bot",), kinds=frozenset({"group"})), PEERS) == (FLAT, BOT)


def test_choosing_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="chooses no chats"):
        select_chats(Sync(), PEERS)
