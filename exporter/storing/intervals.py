"""Stretches of message ids: which are complete, and what is missing between them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

HIGHEST = 2**31 - 1
"""No message has a higher id."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Message ids `lo` to `hi`, both included: everything that Telegram has of them is stored."""

    lo: int
    hi: int


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """Join what overlaps or touches; lowest first."""
    merged: list[Interval] = []
    for one in sorted(intervals, key=lambda interval: interval.lo):
        if merged and one.lo <= merged[-1].hi + 1:
            merged[-1] = Interval(merged[-1].lo, max(merged[-1].hi, one.hi))
        else:
            merged.append(one)
    return merged


def gaps(complete: Iterable[Interval], top: int) -> list[Interval]:
    """The stretches of ids from 1 to `top` that are not complete, the newest first."""
    missing = []
    hi = top
    for one in sorted(complete, key=lambda interval: interval.lo, reverse=True):
        if one.hi < hi:
            missing.append(Interval(one.hi + 1, hi))
        hi = min(hi, one.lo - 1)
    return [*missing, Interval(1, hi)] if hi >= 1 else missing
