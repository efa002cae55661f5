"""Steps as lines where there is no terminal, and as bars where there is one."""

import io

from rich.console import Console

from exporter.progress import Step, counting, progress


def drawn(*steps: Step, terminal: bool = False) -> str:
    out = io.StringIO()
    with progress(Console(file=out, force_terminal=terminal, width=100)) as report:
        for step in steps:
            report(step)
    return out.getvalue()


def test_lines_are_few_but_ends_and_waits_come_at_once() -> None:
    lines = drawn(
        Step("Anna", 100, 300, "9 messages/s"),
        Step("Anna", 200, 300, "9 messages/s"),
        Step("Anna", 200, 300, "sleeping 14 s: Telegram's rate limit"),
        Step("Anna", 300, 300, "[9] messages/s"),
        Step("Anna", 300, 300, "[9] messages/s"),
    ).splitlines()
    assert lines == [
        "Anna: 100/300 9 messages/s",
        "Anna: 200/300 sleeping 14 s: Telegram's rate limit",
        "Anna: 300/300 [9] messages/s",
    ]


def test_a_stage_that_begins_again_is_shown_again() -> None:
    lines = drawn(Step("import", 2, 2), Step("import", 1, 2), Step("import", 2, 2)).splitlines()
    assert lines.count("import: 2/2") == 2


def test_a_terminal_gets_bars() -> None:
    assert "Anna" in drawn(Step("Anna", 1, 3), Step("Anna", 3, 3, "done"), terminal=True)


def test_millions_are_told_in_full() -> None:
    assert drawn(Step("Anna", 2_000_000, 2_345_678)).startswith("Anna: 2000000/2345678")


def test_what_is_counted_moves_within_its_part_of_the_stage_and_says_of_what() -> None:
    steps: list[Step] = []
    count = counting(steps.append, "data", "sessions", start=50, end=90)
    for done in range(1000):
        count(done, 2000)
    count(0, 0)
    assert steps[0] == Step("data", 50, 100, "0 of 2,000 sessions")
    assert steps[500] == Step("data", 60, 100, "500 of 2,000 sessions")
    assert steps[-1] == Step("data", 90, 100, "0 of 0 sessions")
    assert drawn(*steps[:1000]) == "data: 50/100 0 of 2,000 sessions\n", "a line every few seconds, not for each"
