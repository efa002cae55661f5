"""A session under a passphrase: nothing of it in the clear on the disk, and all commands as with any other."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from telethon.sessions import SQLiteSession
from telethon.tl.types.updates import State

from exporter.account.connection import AccountInUse, connect, erase_from_session, lock_account
from exporter.account.sealed import NoPassphrase, SealedSession, WrongPassphrase, is_sealed, seal, unseal
from exporter.account.sessions import log_out
from exporter.commands import terminal
from exporter.commands.terminal import unlocked
from exporter.errors import LoginError
from exporter.settings.config import Config
from sandbox.values import User
from sandbox.world import LOGIN_CODE, World

from .conftest import Answers, Command, log_in

WORDS = "several words of one's own"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """A guess costs half a second otherwise, and so does every test."""
    monkeypatch.setattr("exporter.account.sealed.COST", 4)


@pytest.fixture
def sealed(logged_in: Config) -> Config:
    seal(logged_in.session, WORDS)
    return logged_in.unlocked_by(WORDS)


def key(path: Path) -> bytes:
    session = SQLiteSession(str(path))
    found: bytes = session.auth_key.key
    session.close()
    return found


def in_the_clear(state: Path, secret: bytes) -> list[str]:
    return [file.name for file in state.rglob("*") if file.is_file() and secret in file.read_bytes()]


async def test_a_sealed_session_is_the_same_login_and_lies_nowhere_in_the_clear(
    logged_in: Config, owner: User, anna: User, world: World
) -> None:
    secret = key(logged_in.session)
    with logged_in.session.open("rb") as before:
        seal(logged_in.session, WORDS)
        assert secret not in before.read(), "what the disk had of it is overwritten"
    config = logged_in.unlocked_by(WORDS)
    for look in (False, True):
        async with connect(config, look=look) as client:
            assert (await client.get_me()).id == owner.id
            assert in_the_clear(config.state, secret) == []
    assert is_sealed(config.session) and config.session.stat().st_mode & 0o777 == 0o600
    assert {file.name for file in config.state.iterdir()} == {"account.session", "account.lock"}
    unseal(config.session, WORDS)
    assert key(config.session) == secret
    async with connect(logged_in) as client:
        assert (await client.get_me()).id == owner.id


def test_what_telethon_keeps_of_updates_and_peers_lasts_and_peers_can_be_erased(sealed: Config, anna: User) -> None:
    session = SealedSession(sealed.session, WORDS)
    session.set_update_state(0, State(pts=7, qts=0, date=datetime.now(UTC), seq=1, unread_count=0))
    session._execute("insert into entities values (77, 123456789, null, null, null, 1)")
    session.close()
    erase_from_session(sealed, [77])
    again = SealedSession(sealed.session, WORDS)
    assert again.get_update_state(0).pts == 7
    assert again._execute("select count(*) from entities where id = 77") == (0,)


def test_what_is_saved_replaces_the_file_whole_and_only_where_something_changed(sealed: Config) -> None:
    session = SealedSession(sealed.session, WORDS)
    before = sealed.session.read_bytes()
    session.save()
    assert sealed.session.read_bytes() == before
    session._execute("delete from entities")
    session._execute("insert into entities values (1, 1, null, null, null, 1)")
    session.save()
    after = sealed.session.read_bytes()
    assert after != before and after[:40] == before[:40] and after[40:52] != before[40:52], "a nonce is used once"
    session.close()


def test_another_passphrase_a_changed_file_and_none_at_all_are_refused(sealed: Config) -> None:
    with pytest.raises(WrongPassphrase, match="not the passphrase"):
        SealedSession(sealed.session, "another")
    whole = sealed.session.read_bytes()
    for place in (24, 30, 45, len(whole) - 1):
        sealed.session.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(WrongPassphrase):
            SealedSession(sealed.session, WORDS)
    assert isinstance(WrongPassphrase(sealed.session), LoginError)


async def test_without_its_passphrase_it_is_not_opened(sealed: Config, logged_in: Config) -> None:
    with pytest.raises(NoPassphrase) as refused:
        async with connect(logged_in):
            pass
    assert refused.value.exit_code == 3 and "DOPPELGANGER_PASSPHRASE" in refused.value.fix


async def test_a_login_with_a_passphrase_is_sealed_at_once_and_logout_ends_it(
    config: Config, world: World, owner: User
) -> None:
    config = config.unlocked_by(WORDS)
    await log_in(config, Answers(LOGIN_CODE))
    assert is_sealed(config.session)
    await log_in(config, Answers())
    assert await log_out(config) and not config.session.exists()


async def test_the_command_seals_changes_and_opens_it_again(
    logged_in: Config, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = key(logged_in.session)
    assert (await command("passphrase", answers="short\n")).code == 2
    assert (await command("passphrase", answers=f"{WORDS}\n{WORDS}x\n")).code == 2
    assert not is_sealed(logged_in.session)
    done = await command("passphrase", answers=f"{WORDS}\n{WORDS}\n")
    assert done.code == 0 and is_sealed(logged_in.session) and WORDS not in done.out + done.err
    refused = await command("sessions")
    assert refused.code == 3 and "is under a passphrase" in refused.err
    monkeypatch.setenv("DOPPELGANGER_PASSPHRASE", WORDS)
    assert "this program" in (await command("sessions")).out
    assert (await command("passphrase", answers="some other words\nsome other words\n")).code == 0
    wrong = await command("sessions")
    assert wrong.code == 3 and "not the passphrase" in wrong.err
    monkeypatch.setenv("DOPPELGANGER_PASSPHRASE", "some other words")
    assert "in the clear" in (await command("passphrase", "--remove")).out
    assert key(logged_in.session) == secret


async def test_beside_a_process_that_has_the_account_nobody_is_asked_for_the_passphrase(
    sealed: Config, logged_in: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(terminal, "ask", lambda question, hidden: WORDS)
    with lock_account(logged_in):
        assert unlocked(logged_in) == logged_in
        with pytest.raises(AccountInUse):
            async with connect(unlocked(logged_in)):
                pass
    assert unlocked(logged_in) == sealed
