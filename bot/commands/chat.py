"""`chat`: talk with the double in the terminal."""

import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import SystemRandom

import click

from bot.composing.compose import compose
from bot.composing.engine import Speaker, open_double
from bot.composing.past import Past
from bot.composing.samplers import Samplers
from bot.composing.window import Moment, prompt
from bot.tables import open_history
from exporter.cli import config_option
from exporter.errors import DoppelgangerError, NothingSynced
from exporter.log import log_to_stderr
from exporter.rights.consent import Ledger, how_to_grant
from exporter.settings import config as configuration
from exporter.settings.selection import resolve_contact
from trainer.models.registry import current
from trainer.reading.conversations import View, views
from trainer.reading.dialogue import Turn
from trainer.reading.memory import Memory


@click.command("chat")
@config_option
@click.option("--as", "name", required=True, metavar="NAME", help="The contact you are, as under [reply].")
def chat_command(config_path: Path, name: str) -> None:
    """Talk with your double in the terminal, as one of your contacts.

    Each line is a message; Ctrl-D ends it. Nothing is sent to anybody, and nothing is stored.
    """
    log_to_stderr()
    config = configuration.load(config_path)
    artifact = current(config.models)
    with open_history(config) as store:
        if store.owner() is None:
            raise NothingSynced
        contact = resolve_contact(name, store.contacts())
        if not Ledger(store.database, config.consent).allows(contact, "reply"):
            fix = f"once they agree: {how_to_grant(contact, 'reply')}"
            raise DoppelgangerError(f"no consent to let the double answer {contact.name}", fix=fix)
        card = artifact.card
        view = views(store, config, card.gaps, region=card.region, speaker=card.speaker).of(contact)
        memory = asyncio.run(Past(store, view).memory())
        forgotten = store.forgotten.ids()
        sampler = Samplers(store.database).best(card.sha256, config.reply.temperature)
    with open_double(card, artifact.gguf, forgotten=forgotten, sampler=sampler, random=SystemRandom()) as engine:
        talk(
            engine,
            view,
            memory,
            _lines(f"{contact.name}: "),
            lambda who, text: click.echo(f"{who}: {text}"),
            partial(datetime.now, UTC),
        )


def talk(
    speaker: Speaker,
    view: View,
    memory: Memory,
    lines: Iterable[str],
    say: Callable[[str, str], None],
    clock: Callable[[], datetime],
) -> None:
    """Answer each line as if the chat's other side had written it; `say` is given a name and what it says."""
    scene, turns, times = view.scene, list[Turn](), list[datetime]()
    with asyncio.Runner() as runner:
        for line in filter(None, map(str.strip, lines)):
            now = clock()
            turns.append(Turn(scene.chat, False, (line,), mark=view.mark(times[-1] if times else None, now)))
            times.append(now)
            asked = prompt(speaker, Moment(scene, tuple(turns), tuple(times), now, ""), memory)
            composed = runner.run(compose(speaker, asked, wanted=1))
            for burst in composed.bursts:
                turns.append(Turn(scene.owner, True, burst))
                times.append(now)
                for text in burst:
                    say(scene.owner, text)
            if not composed.bursts:
                say(scene.owner, "(says nothing that is fit to send)")


def _lines(question: str) -> Iterator[str]:
    """What is typed, asked for where somebody sits at a terminal; or what is piped in."""
    while True:
        if sys.stdin.isatty():
            click.echo(question, nl=False)
        line = sys.stdin.readline()
        if not line:
            return
        yield line
