"""`python -m benchmarks`."""

from exporter.cli import run

if __name__ == "__main__":
    run("benchmarks.commands")
