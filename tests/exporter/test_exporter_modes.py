"""Whom the double may speak with, as [reply] says."""

import pytest

from exporter.errors import ConfigError
from exporter.messages import DELETED, Peer, PeerKind
from exporter.settings.modes import Mode, resolve_modes, without_lost
from exporter.settings.replying import Reply

ANNA, BORIS = Peer(5, PeerKind.USER, "Anna", username="anna_b"), Peer(6, PeerKind.USER, "Boris")


def test_modes_are_found_by_name_username_and_id():
    modes = resolve_modes(Reply(draft=("@Anna_B",), auto=(6,)), [ANNA, BORIS])
    assert modes == {5: Mode.DRAFT, 6: Mode.AUTO}


@pytest.mark.parametrize("reply", [Reply(draft=("Anna",), auto=(5,)), Reply(auto=("Bors",))])
def test_an_unclear_mode_is_an_error_of_the_configuration(reply):
    with pytest.raises(ConfigError):
        resolve_modes(reply, [ANNA, BORIS])


def test_who_took_another_name_is_left_out_and_told_of_with_the_fix():
    """Or deleted their account; or is one of two who are called so."""
    gone, other = Peer(7, PeerKind.USER, DELETED), Peer(8, PeerKind.USER, "boris")
    reply, told = without_lost(
        Reply(draft=("Ann", 5, "Boris"), auto=(7, "@anna_b"), off=("Eve",)), [ANNA, BORIS, gone, other]
    )
    assert (reply.draft, reply.auto, reply.off) == ((5,), ("@anna_b",), ("Eve",))
    assert told == (
        "under [reply], no chat is called Ann, and nobody is answered for that; did you mean Anna?; "
        "an @username or an id there outlives a new name",
        "under [reply], 2 chats are called Boris, and nobody is answered for that; write the id of the one you mean: "
        "6, 8; an @username or an id there outlives a new name",
        "7 under [reply] has no account any more; take it out",
    )


@pytest.mark.parametrize("kind", [PeerKind.SELF, PeerKind.BOT, PeerKind.CHANNEL])
def test_only_people_and_groups_can_be_listed(kind):
    with pytest.raises(ConfigError, match="names Somebody"):
        resolve_modes(Reply(draft=("Somebody",)), [ANNA, Peer(9, kind, "Somebody")])
