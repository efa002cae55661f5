"""The benchmark of the exporter, on a history so small that its figures mean nothing: does it count, and say so?"""

import json
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.exporter import Plan, judge
from benchmarks.local import write_export
from benchmarks.measure import Measured
from benchmarks.sampling import REST, sampled
from benchmarks.ways import OURS, WAYS
from sandbox.world import World

ROOT = Path(__file__).resolve().parents[2]


def test_a_tiny_run_prints_tables_and_writes_its_figures(tmp_path):
    figures = tmp_path / "figures.json"
    options = ["--messages", "250", "--slow-messages", "0", "--repeat", "1"]
    command = [sys.executable, "-m", "benchmarks", "exporter", *options, "--json", str(figures)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert "warming up: 250/250" in run.stderr
    for words in (*WAYS, "Marks", "waiting for Telegram"):
        assert words in run.stdout
    document = json.loads(figures.read_text())
    pulled = {name: run["messages"] for name, run in document["runs"].items()}
    assert pulled == dict.fromkeys(WAYS, 250)  # each way got everything
    assert all(run["seconds"] > 0 and run["peak"] > 10 for run in document["runs"].values())
    assert [mark["mark"] for mark in document["marks"]] == [20_000, 250]


def test_a_made_up_history_is_a_world_and_always_the_same(tmp_path):
    files = [tmp_path / "one.json", tmp_path / "two.json"]
    for file in files:
        write_export(file, 500)
    assert files[0].read_bytes() == files[1].read_bytes()
    world = World.load(files[0])
    ((chat, top),) = world.box(world.owner).dialogs()
    assert (chat.count(world.owner), top.id_for(world.owner)) == (500, 500)
    assert {message.sender.name for message in chat.messages} == {"Olive", "Anna"}
    assert any(message.media for message in chat.messages) and any(message.reply_to for message in chat.messages)


def test_marks_are_met_or_missed():
    plan = Plan(messages=1000, slow_messages=1001, round_trip=0.2, repeat=1, million=False)

    def run(seconds, peak, requests=None):
        return Measured(OURS, 1000, seconds, requests, busy=1.0, peak=peak, stages={})

    good = judge(plan, {OURS: run(0.05, 100.0), "slow": run(11 * 0.2 * 1.04 + 3 * 0.2, 100.0, 14)})
    assert [round(mark.figure, 6) for mark in good] == [20_000, 100, 1.04]
    assert all(mark.met for mark in good)
    bad = judge(plan, {OURS: run(0.06, 1.0), "slow": run(2.4, 1.0, 11), "million": run(60.0, 251.0)})
    assert [mark.met for mark in bad] == [False, False, False]


def test_time_belongs_to_the_innermost_room():
    with sampled({__file__: "here"}) as spent:
        until = time.perf_counter() + 0.02
        while time.perf_counter() < until:
            sum(range(100))
    assert spent["here"] > spent[REST]
