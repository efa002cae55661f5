"""How much memory there is, and how much some work takes at its peak: of a GPU, or of this process on a CPU.

It knows CUDA and the operating system, and nothing of training.
"""

import ctypes
import threading
from collections.abc import Callable
from dataclasses import dataclass

import psutil
import torch

from trainer.machine import left_to_container

RESERVE = 0.1
"""The share of what is free that is left to others."""

LOOK_EVERY = 0.005
"""Seconds between two looks at a process whose peak is wanted."""


@dataclass(frozen=True, slots=True)
class Meter:
    """The memory of the device that a model is trained on; all figures are bytes."""

    device: torch.device

    def held(self) -> int:
        """What this process has now."""
        if self.device.type == "cuda":
            return torch.cuda.memory_allocated(self.device)
        return int(psutil.Process().memory_info().rss)

    def free(self) -> int:
        """What it may still take."""
        if self.device.type == "cuda":
            kept = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
            return torch.cuda.mem_get_info(self.device)[0] + kept
        return min(int(psutil.virtual_memory().available), left_to_container())

    def limit(self, wish: float | None) -> int:
        """What it may have in all: so many GB, or what it has and what is free, less a reserve."""
        return int(wish * 1e9) if wish else self.held() + int(self.free() * (1 - RESERVE))

    def peak(self, work: Callable[[], None]) -> int:
        """The most that the process has while it does this work."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            work()
            return torch.cuda.max_memory_allocated(self.device)
        give_back()
        highest, done = self.held(), threading.Event()

        def look() -> None:
            nonlocal highest
            while not done.wait(LOOK_EVERY):
                highest = max(highest, self.held())

        watcher = threading.Thread(target=look, name="memory")
        watcher.start()
        try:
            work()
        finally:
            done.set()
            watcher.join()
        return max(highest, self.held())


def give_back() -> None:
    """What this process has freed goes back to the system, where glibc would keep it; so the next peak is its own."""
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
