"""`export` and `forget`: all that is kept about one contact, shown or erased."""

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from exporter.cli import config_option, counted
from exporter.commands.terminal import ask, tell, unlocked
from exporter.errors import ConfigError
from exporter.progress import progress
from exporter.rights.dossier import private, write_dossier
from exporter.rights.forget import find_person, forget
from exporter.rights.kept import QUOTES, Person, snapshot
from exporter.settings import config as configuration
from exporter.settings.selection import to_contact
from exporter.storing.store import Store, open_store

CALLED = {
    "messages": "messages, in your chat and elsewhere",
    "message_version": "earlier versions of edited messages",
    QUOTES: "quotes of their words by others",
    "ghostwritten": "marks at what the double wrote",
    "draft": "drafts of replies",
    "card": "places of their cards",
    "outbox": "messages that the double sent or queued",
    "decision": "decisions of the double's about their messages",
    "handled": "mark of how far it has come with them",
    "chosen_mode": "mode that you chose at a desk",
    "note": "notes of yours for the double",
    "stop": "stops of what is sent to them",
    "dialog": "what Telegram told of the chat",
    "topic": "topics",
    "sync_interval": "stretches known to be complete",
    "consent": "consents",
    "peers": "name, @username",
}
"""Tables, as people know what is in them."""

BEYOND_REACH = """\
Left for you, where this program does not reach:
  your configuration, if it names them; your shell's history, if you typed their name
  copies that you made: backups, exports, charts, result.json of Telegram Desktop
  cards that the double showed in your Saved Messages and in the control bot
  words of others that mention them, and forwards from them that others may still send
  Telegram itself, and the devices of everybody in those chats
Doubles that learned from them are refused from now on: run `python -m trainer` for a new one."""


@click.command("export")
@config_option
@click.argument("contact")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Instead of stdout.")
def export_command(config_path: Path, contact: str, output: Path | None) -> None:
    """Show everything that is kept about CONTACT, as JSON.

    CONTACT is a name, @username or id, of a person or of a group. Under each table of the database stand its rows: your
    whole chat, what they said and were quoted with in others, its earlier versions, drafts, and what is known of them.
    """
    config = configuration.load(config_path)
    config.make_state()
    with open_store(config.database) as store, progress(Console(stderr=True)) as report:
        person = find_person(store, to_contact(contact))
        if output is None:
            write_dossier(store, person, sys.stdout, report=report)
            return
        with private(output) as file:
            rows = write_dossier(store, person, file, report=report)
    tell(f"{output}: {counted(rows, 'row')}")


@click.command("forget")
@config_option
@click.argument("contact", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--allow-again", is_flag=True, help="Let somebody who was forgotten, by their id, be kept again.")
def forget_command(config_path: Path, contact: str | None, yes: bool, allow_again: bool) -> None:
    """Erase all that is kept about CONTACT, for good.

    CONTACT is a name, @username or id, of a person or of a group. Every byte goes: your chat, their messages in others,
    earlier versions, quotes, forwards, drafts, and what trainings left. Only ids stay, so that no sync, import or bot
    brings them back; models that learned from them are refused. Without CONTACT it lists who was forgotten.

    It cannot be undone. Interrupted, run it again. --allow-again lets them in from then on:

    \b
      python -m exporter forget 5 --allow-again
    """
    config = configuration.load(config_path)
    config.make_state()
    with open_store(config.database) as store:
        if contact is None:
            _list(store)
        elif allow_again:
            _allow(store, contact)
        else:
            person = find_person(store, to_contact(contact))
            if not _confirmed(store, person, yes):
                tell("Nothing was erased.")
                return
            config = unlocked(config)
            with progress(Console(stderr=True)) as report:
                forget(config, store, person, clock=partial(datetime.now, UTC), report=report)
            tell(f"Forgotten: {person.contact_id}.\n{BEYOND_REACH}")


def _confirmed(store: Store, person: Person, yes: bool) -> bool:
    """Show what will go, and ask.

    Raises:
        ConfigError: there is nobody to ask.
    """
    with snapshot(store.database, person) as kept:
        counts = kept.counts()
    who = " and ".join(sorted(person.names)) or "no name any more"
    tell(f"About {who} ({', '.join(map(str, sorted(person.ids)))}) there is to erase:")
    for table, count in counts.items():
        tell(f"  {count:>9,}  {CALLED.get(table, table)}")
    if yes:
        return True
    if not sys.stdin.isatty():
        raise ConfigError("nobody is there to confirm this", fix="add --yes, or run it in a terminal")
    return ask("Erase all of it, for good? [y/N] ").lower() in ("y", "yes")


def _list(store: Store) -> None:
    contacts = store.forgotten.contacts()
    if not contacts:
        click.echo("Nobody was forgotten.")
    for contact_id, erased in contacts.items():
        click.echo(f"{contact_id}" if erased else f"{contact_id}  not erased to the end: run this again with the id")


def _allow(store: Store, contact: str) -> None:
    contact_id = to_contact(contact)
    if contact_id not in store.forgotten.contacts() or not isinstance(contact_id, int):
        raise ConfigError(f"{contact} is not among the forgotten", fix="see the list: `python -m exporter forget`")
    store.forgotten.allow(contact_id)
    tell("Allowed again. The next sync fetches your chat; what they said in groups is not asked for a second time.")
