"""The machine that this runs on, in numbers. Light: no torch."""

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
"""Where Linux says how much a container may have."""


def memory(cgroup: Path = CGROUP) -> int:
    """Bytes of memory that this machine has, or that its container may use."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = cgroup / "memory.max"
    allowed = limit.read_text().strip() if limit.is_file() else "max"
    return there if allowed == "max" else min(there, int(allowed))
