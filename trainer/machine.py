"""The machine that this runs on, in numbers. Light: no torch."""

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
"""Where Linux says how much a container may have."""
MEMINFO = Path("/proc/meminfo")
"""Where Linux says how much is free."""


def memory(cgroup: Path = CGROUP) -> int:
    """Bytes of memory that this machine has, or that its container may use."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = cgroup / "memory.max"
    allowed = limit.read_text().strip() if limit.is_file() else "max"
    return there if allowed == "max" else min(there, int(allowed))


def free(cgroup: Path = CGROUP, meminfo: Path = MEMINFO) -> int | None:
    """Bytes of memory that a process may still take; None where the system does not say, as on a Mac."""
    if not meminfo.is_file():
        return None
    lines = dict(line.split(":") for line in meminfo.read_text().splitlines())
    return min(int(lines["MemAvailable"].split()[0]) * 1024, left_to_container(cgroup))


def left_to_container(cgroup: Path = CGROUP) -> int:
    """What a container may still take; without a limit, more than anything has."""
    limit, current = cgroup / "memory.max", cgroup / "memory.current"
    if not (limit.is_file() and current.is_file()) or (most := limit.read_text().strip()) == "max":
        return 2**62
    statistics = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
    return int(most) - int(current.read_text()) + int(statistics.get("inactive_file", 0))
