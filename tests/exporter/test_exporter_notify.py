"""What systemd hears of a process, over a real datagram socket; and that its unit is one that systemd understands."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.following.notify import feed, teller

UNIT = Path(__file__).parents[2] / "packaging" / "doppelganger.service"


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """The other end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unix:
        unix.bind(str(tmp_path / "notify"))
        unix.settimeout(1)
        yield unix


def heard(systemd: socket.socket) -> list[str]:
    systemd.setblocking(False)
    told = []
    try:
        while True:
            told.append(systemd.recv(100).decode())
    except BlockingIOError:
        return told


def test_it_is_told_over_a_socket_with_a_path_or_without(tmp_path: Path, systemd: socket.socket) -> None:
    teller({"NOTIFY_SOCKET": str(tmp_path / "notify")})("READY=1")
    assert systemd.recv(100) == b"READY=1"
    name = f"doppelganger-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as abstract:
        abstract.bind(f"\0{name}")
        teller({"NOTIFY_SOCKET": f"@{name}"})("STOPPING=1")
        assert abstract.recv(100) == b"STOPPING=1"
    teller({})("READY=1")


def test_a_service_manager_that_is_gone_ends_nobody(tmp_path: Path) -> None:
    teller({"NOTIFY_SOCKET": str(tmp_path / "nobody")})("WATCHDOG=1")


async def test_the_watchdog_is_fed_while_the_process_is_alive_and_no_longer(
    tmp_path: Path, systemd: socket.socket
) -> None:
    alive = True
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "40000", "WATCHDOG_PID": str(os.getpid())}
    feeding = asyncio.create_task(feed(teller(environ), lambda: alive, environ))
    await asyncio.sleep(0.1)
    assert set(told := heard(systemd)) == {"WATCHDOG=1"} and len(told) >= 2
    alive = False
    await asyncio.sleep(0.05)
    heard(systemd)
    await asyncio.sleep(0.1)
    assert heard(systemd) == []
    feeding.cancel()
    await asyncio.wait([feeding])


@pytest.mark.parametrize("environ", [{}, {"WATCHDOG_USEC": "40000", "WATCHDOG_PID": "1"}])
async def test_nobody_is_fed_who_did_not_ask_this_process(environ: dict[str, str]) -> None:
    await feed(lambda state: pytest.fail(state), lambda: True, environ)


@pytest.fixture
def analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("systemd-analyze is not on this machine")
    return found


def test_systemd_understands_the_unit_and_finds_it_well_confined(tmp_path: Path, analyze: str) -> None:
    unit = tmp_path / "doppelganger.service"
    unit.write_text(UNIT.read_text().replace("/opt/doppelganger/.venv/bin/python", "/bin/true"))
    verified = subprocess.run([analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True)
    assert (verified.returncode, verified.stderr) == (0, "")
    judged = subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=20", str(unit)], capture_output=True, text=True
    )
    assert judged.returncode == 0, judged.stdout[-200:]


def test_the_unit_keeps_secrets_and_state_to_itself_and_gives_up_where_a_restart_mends_nothing() -> None:
    needed = {"Type=notify", "StateDirectoryMode=0700", "UMask=0077", "RestartPreventExitStatus=2 3", "LimitCORE=0"}
    assert needed <= set(UNIT.read_text().splitlines())
