"""`python -m trainer`."""

from exporter.cli import run

if __name__ == "__main__":
    run("trainer.commands")
