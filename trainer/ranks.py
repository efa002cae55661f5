"""Which of the processes that torchrun started this one is, and how many there are; known before torch is loaded."""

import os


def count() -> int:
    """Of all processes, on all machines; 1 without torchrun."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """The number of this one, from 0."""
    return int(os.environ.get("RANK", "0"))


def first() -> bool:
    """Whether this one reads the history, reports and publishes; the others only do their part of each step."""
    return rank() == 0
