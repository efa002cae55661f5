"""The house's arrow, `exporter <- trainer <- bot`, those between exporter's rooms, and what is not loaded until needed.

Every module of a package is imported in a fresh interpreter, which then says what came with it; rooms are read.
"""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOADED_BY = """
import importlib, json, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(module.name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
OURS = {"exporter", "trainer", "bot", "sandbox", "benchmarks"}
HEAVY = {"torch", "transformers", "peft"}
FORBIDDEN = {
    "exporter": (OURS - {"exporter"}) | HEAVY | {"aiogram", "llama_cpp"},
    "trainer": {"bot", "sandbox", "benchmarks", "telethon", "aiogram"},
    "bot": {"sandbox", "benchmarks"} | HEAVY,
    "sandbox": OURS - {"sandbox"} | HEAVY | {"llama_cpp"},
}
ROOMS = {path.parent.name for path in ROOT.glob("exporter/*/__init__.py")}
KNOWN = {
    "settings": set(),
    "storing": set(),
    "account": {"settings", "storing"},
    "rights": {"settings", "storing", "account"},
    "pulling": {"settings", "storing", "account", "rights"},
    "following": {"settings", "storing", "account", "rights", "pulling"},
    "imports": {"settings", "storing", "rights"},
    "finding": {"storing"},
    "stats": {"settings", "storing"},
    "commands": ROOMS,
}
"""Which of exporter's other rooms each of them knows. No two know each other."""
LIGHT = ("trainer.reading.dialogue", "trainer.reading.prompt", "trainer.models.artifact", "trainer.models.registry")


def ask(code, *arguments):
    command = [sys.executable, "-c", code, *arguments]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def rooms_known_in(folder):
    imports = (
        f"{node.module}.{name.name}"
        for path in ROOT.glob(f"{folder}/*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    )
    return {place.split(".")[1] for place in imports if place.startswith("exporter.")} & ROOMS


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_follow_the_arrow(package):
    loaded = set(ask(LOADED_BY, package))
    assert package in loaded
    assert not FORBIDDEN[package] & loaded


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_a_room_of_the_exporter_knows_only_those_beneath_it(room):
    assert rooms_known_in(f"exporter/{room}") <= KNOWN[room] | {room}


def test_what_all_packages_share_knows_no_room():
    assert not rooms_known_in("exporter")


def test_the_trainers_light_modules_load_no_torch():
    code = f"import json, sys, {', '.join(LIGHT)}; print(json.dumps(sorted(sys.modules)))"
    assert not HEAVY & set(ask(code))
