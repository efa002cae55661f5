"""`python -m bot`."""

from exporter.cli import run

if __name__ == "__main__":
    run("bot.commands")
