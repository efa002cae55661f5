"""The benchmarks of replies: how each way gets a process of its own, and what their tables look like."""

import os

import pytest
from rich.console import Console

from benchmarks import reply, retrain
from benchmarks.fresh import fresh
from benchmarks.retrain import Answers
from benchmarks.speaking import Timed
from exporter.errors import DoppelgangerError

SLOW = [1_015.0, 1_976.0, 2_898.0]


def test_work_is_done_in_a_process_of_its_own():
    assert fresh(os.getpid) != os.getpid()


def test_a_process_that_is_ended_from_outside_is_told():
    with pytest.raises(DoppelgangerError, match="_exit was ended by somebody else"):
        fresh(os._exit, 1)


@pytest.mark.parametrize(
    "table",
    [
        reply._table([Timed("llama-cpp-python", SLOW, SLOW, SLOW, [11])]),
        retrain._table([Answers("while it trains", tuple(SLOW), tuple(SLOW))]),
    ],
)
def test_a_table_is_whole_on_80_columns(table):
    console = Console(width=80)
    with console.capture() as shown:
        console.print(table)
    title, _, header, _, row, _ = shown.get().splitlines()
    assert title.strip() == table.title and "…" not in header + row
    assert table.columns[0]._cells[0] in row and "3 proposals" in header
