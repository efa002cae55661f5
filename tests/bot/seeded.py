"""Chance that can be repeated."""

from random import Random


def seeded(seed: int) -> Random:
    """The same numbers in every run."""
    return Random(seed)  # noqa: S311
