"""The house's arrow, `exporter <- trainer <- bot`, and what stays out of memory until it is needed.

Every module of a package is imported in a fresh interpreter, which then says what came with it.
"""

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
LIGHT = ("trainer.reading.dialogue", "trainer.reading.prompt", "trainer.models.artifact", "trainer.models.registry")


def ask(code, *arguments):
    command = [sys.executable, "-c", code, *arguments]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_follow_the_arrow(package):
    loaded = set(ask(LOADED_BY, package))
    assert package in loaded
    assert not FORBIDDEN[package] & loaded


def test_the_trainers_light_modules_load_no_torch():
    code = f"import json, sys, {', '.join(LIGHT)}; print(json.dumps(sorted(sys.modules)))"
    assert not HEAVY & set(ask(code))
