"""Whom the double may speak with, as [reply] says."""

import pytest

from exporter.errors import ConfigError
from exporter.messages import Peer, PeerKind
from exporter.settings.modes import Mode, resolve_modes
from exporter.settings.replying import Reply

ANNA, BORIS = Peer(5, PeerKind.USER, "Anna", username="anna_b"), Peer(6, PeerKind.USER, "Boris")


def test_modes_are_found_by_name_username_and_id():
    modes = resolve_modes(Reply(draft=("@Anna_B",), auto=(6,)), [ANNA, BORIS])
    assert modes == {5: Mode.DRAFT, 6: Mode.AUTO}


@pytest.mark.parametrize("reply", [Reply(draft=("Anna",), auto=(5,)), Reply(auto=("Bors",))])
def test_an_unclear_mode_is_an_error_of_the_configuration(reply):
    with pytest.raises(ConfigError):
        resolve_modes(reply, [ANNA, BORIS])


@pytest.mark.parametrize("kind", [PeerKind.SELF, PeerKind.BOT, PeerKind.CHANNEL])
def test_only_people_and_groups_can_be_listed(kind):
    with pytest.raises(ConfigError, match="names Somebody"):
        resolve_modes(Reply(draft=("Somebody",)), [ANNA, Peer(9, kind, "Somebody")])
