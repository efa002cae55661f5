"""The command `stats` as a process, and the pictures that it draws."""

import asyncio
import json
import re
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib
import pytest
from PIL import Image

from exporter.messages import Message, Peer, PeerKind
from exporter.stats import panels
from exporter.stats.chart import DOTS_PER_INCH, INCHES, draw, phone
from exporter.stats.figures import Distribution, Figures, Tally
from exporter.stats.look import PALETTES, Look, Theme
from exporter.stats.vocabulary import Term
from exporter.storing.store import Store
from tests.exporter.conftest import Command

OWNER, ANNA, BORIS = 1, 7, 8
MORNING = datetime(2024, 5, 1, 9, tzinfo=UTC)
CANARY = "a canary that nobody else may read"
SVG = "{http://www.w3.org/2000/svg}"


def history(chat_id: int) -> list[Message]:
    """Ten days on each of which somebody asks at nine, and the owner answers twice, after a minute."""
    said = []
    for day in range(10):
        asked = MORNING + timedelta(days=day)
        lines = ((chat_id, CANARY), (OWNER, "aye 🫡"), (OWNER, "lush"))
        for number, (sender, text) in enumerate(lines):
            sent_at = asked + timedelta(minutes=number)
            said.append(Message(chat_id, 3 * day + number + 1, sender, sent_at, sender == OWNER, text))
    return said


def figures_of(*names: str) -> Figures:
    tally = Tally(OWNER, UTC, gap=timedelta(hours=1))
    for chat_id, name in enumerate(names, ANNA):
        tally.read(Peer(chat_id, PeerKind.USER, name), history(chat_id))
    return tally.figures()


@pytest.fixture
def filled(store: Store) -> Store:
    names = {ANNA: "Anna", BORIS: "Boris"}
    store.save_peers([Peer(OWNER, PeerKind.SELF, "Olive")])
    for chat_id, name in names.items():
        store.save_peers([Peer(chat_id, PeerKind.USER, name)])
        store.add(history(chat_id))
    return store


async def test_the_table(filled: Store, command: Command) -> None:
    ended = await command("stats")
    assert ended.code == 0, ended.err
    assert "1 May 2024 – 10 May 2024: 10 days" in ended.out
    assert "You write most on Wednesday at 9:00" in ended.out
    assert re.search(r"Anna +20 +10 +1 min +– +2\.0 : 1\.0", ended.out)
    assert re.search(r"Words that are your own +aye\s20:0 +lush\s20:0", ended.out)
    assert re.search(r"Emoji that are your own +🫡\s20:0", ended.out)
    assert "canary" not in ended.out + ended.err


async def test_json_has_every_figure(filled: Store, command: Command) -> None:
    ended = await command("stats", "--json")
    told = json.loads(ended.out)
    assert (told["from"], told["to"], told["timezone"]) == ("2024-05-01", "2024-05-10", "UTC")
    assert (told["own"]["messages"], told["others"]["messages"]) == (40, 20)
    assert told["own"]["reply_seconds"] == {
        "count": 20,
        "mean": 60,
        "p10": 60,
        "p25": 60,
        "p50": 60,
        "p75": 60,
        "p90": 60,
    }
    assert told["own"]["burst"]["mean"] == 2
    assert told["own_week"][2][9] == 8  # the first of May was a Wednesday
    assert told["days"]["2024-05-02"] == {"1": 4, "7": 1, "8": 1}
    assert told["people"][0] == {"sender_id": OWNER, "name": "Olive", "messages": 40}
    assert [word["text"] for word in told["words"]] == ["aye", "lush"]
    assert "canary" not in ended.out


async def test_one_chat_and_some_days(filled: Store, command: Command) -> None:
    told = json.loads((await command("stats", "--json", "--chat", "Anna", "--since", "2024-05-09")).out)
    assert [chat["name"] for chat in told["chats"]] == ["Anna"]
    assert told["from"] == "2024-05-09"
    assert told["own"]["messages"] == 4
    assert told["words"] == []  # of one chat there is nothing to show without telling what was said there


@pytest.fixture
def in_auckland(config_file: Path) -> None:
    config_file.write_text('timezone = "Pacific/Auckland"\n' + config_file.read_text())


async def test_the_days_are_those_of_the_owners_clock(filled: Store, in_auckland: None, command: Command) -> None:
    told = json.loads((await command("stats", "--json", "--until", "2024-05-01")).out)
    assert told["own_week"][2][21] == 4  # nine in the morning is nine in the evening
    assert told["own"]["messages"] == 4


async def test_nothing_stored_is_told_with_its_fix(command: Command) -> None:
    ended = await command("stats")
    assert ended.code == 1
    assert "problem: no messages are stored yet" in ended.err
    assert "fix: run" in ended.err


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (("--chat", "Nobody"), 2, "no chat is called Nobody"),
        (("--since", "2030-01-01"), 1, "nothing was said"),
        (("--since", "2024-05-09", "--until", "2024-05-01"), 2, "--since lies after --until"),
        (("--chart", "figures.pdf"), 2, "neither .png nor .svg"),
        (("--chart", "/nowhere/figures.png"), 1, "cannot be written"),
    ],
)
async def test_refusals(filled: Store, command: Command, arguments: tuple[str, ...], code: int, problem: str) -> None:
    ended = await command("stats", *arguments)
    assert ended.code == code
    assert problem in ended.err
    assert "Traceback" not in ended.err


async def test_charts_are_written_where_they_are_asked_for(filled: Store, command: Command, tmp_path: Path) -> None:
    light, dark = tmp_path / "light.PNG", tmp_path / "dark.svg"
    ended, other = await asyncio.gather(
        command("stats", "--chart", str(light)), command("stats", "--chart", str(dark), "--theme", "dark")
    )
    assert (ended.code, other.code) == (0, 0), ended.err + other.err
    with Image.open(light) as picture:
        assert picture.format == "PNG"
        assert picture.size == tuple(round(side * DOTS_PER_INCH) for side in INCHES)
        assert picture.convert("RGB").getpixel((2, 2)) == (255, 255, 255)
    root = ElementTree.parse(dark).getroot()  # noqa: S314 - our own
    assert root.tag == f"{SVG}svg"
    assert PALETTES[Theme.DARK].paper in dark.read_text()
    assert stat.S_IMODE(light.stat().st_mode) == 0o600
    assert "canary" not in dark.read_text()


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_same_figures_make_the_same_file(tmp_path: Path, suffix: str) -> None:
    files = [tmp_path / f"{name}{suffix}" for name in ("one", "other")]
    for file in files:
        draw(figures_of("Anna", "Boris"), [], {}, file)
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    "names", [["Anna Margarethe Wolkenstein"], [f"Boris Nikolayevich {name}" for name in range(9)]]
)
def test_the_picture_for_a_telephone_cuts_nothing_off(names: list[str]) -> None:
    content = phone(figures_of(*names), {OWNER: "Olive", ANNA: names[0]})
    assert content == phone(figures_of(*names), {OWNER: "Olive", ANNA: names[0]})
    picture = Image.open(BytesIO(content)).convert("L")
    width, height = picture.size
    for edge in ((0, 0, 4, height), (width - 4, 0, width, height), (0, height - 4, width, height)):
        assert picture.crop(edge).getextrema() == (255, 255), "nothing is written up to the edge"
    assert width / height > 0.5


def drawn(panel: Any, *arguments: Any) -> tuple[Any, str]:
    """A panel, and its title."""
    look = Look(Theme.LIGHT)
    with matplotlib.rc_context(look.style):
        axes = matplotlib.figure.Figure().add_subplot()
        panel(axes, *arguments, look)
    return axes, axes.get_title(loc="left")


def test_titles_say_what_is_seen() -> None:
    figures = figures_of("Anna", "Boris")
    assert drawn(panels.days, figures)[1] == "Your busiest day was 10 May 2024: you wrote 4 messages, they 2"
    assert drawn(panels.week, figures)[1] == "You write most on Wednesday at 9:00"
    assert drawn(panels.chats, figures)[1] == "50% is with Anna"
    assert drawn(panels.people, figures, {ANNA: "Anna"})[1] == "You wrote 67% of it"
    assert drawn(panels.latency, figures)[1] == "Your median reply takes 1 min"
    assert drawn(panels.bursts, figures)[1] == "You send 2.0 messages in a row"
    axes, title = drawn(panels.terms, [Term("a" * 50, 9, 1, 2.0), Term("🫡", 9, 1, 1.0)])
    assert title == "Words that are your own"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a" * 17 + "…"]  # no font has the other
    assert drawn(panels.terms, [])[1] == "No words of your own"


def test_one_message_is_a_chart_too(tmp_path: Path) -> None:
    tally = Tally(OWNER, UTC, gap=timedelta(hours=1))
    tally.read(Peer(ANNA, PeerKind.USER, "Anna"), history(ANNA)[:1])
    draw(tally.figures(), [], {}, tmp_path / "one.svg")
    assert drawn(panels.week, tally.figures())[1] == "You wrote nothing"
    assert drawn(panels.latency, tally.figures())[1] == "No replies to time"


def test_names_are_shown_as_they_are_and_as_far_as_the_fonts_go() -> None:
    axes, title = drawn(panels.chats, figures_of("$x$ 🫡 Anna", "🫡"))
    assert title == "50% is with $x$  Anna"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["$x$  Anna", str(BORIS)]
    assert Look(Theme.LIGHT).fit("x" * 40, otherwise="") == "x" * 17 + "…"


def test_rolling_means_and_shares() -> None:
    assert panels.rolling_mean([0, 3, 6, 9], 3) == [1.5, 3, 6, 7.5]
    assert panels.rolling_mean([4, 2], 1) == [4, 2]
    assert panels.burst_shares(Distribution({1: 2, 2: 1, 9: 1})) == [0.5, 0.25, 0, 0, 0, 0.25]


def brightness(colour: str) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", Theme)
def test_whatever_is_written_can_be_read(theme: Theme) -> None:
    palette = PALETTES[theme]
    for colour in (palette.ink, palette.faint, palette.own, palette.others):
        darker, lighter = sorted((brightness(colour), brightness(palette.paper)))
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_commands_start_without_matplotlib() -> None:
    code = "import sys, exporter.commands; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_matplotlib_a_chart_is_refused_with_its_fix(filled: Store, config_file: Path, tmp_path: Path) -> None:
    code = "import sys; sys.modules['matplotlib'] = None; from exporter.cli import run; run('exporter.commands')"
    command = [sys.executable, "-c", code, "stats", "--config", config_file, "--chart", tmp_path / "chart.svg"]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "fix: pip install matplotlib" in ended.stderr
