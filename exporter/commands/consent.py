"""`consent`: write down what the people in a chat agree to, and show what holds."""

import shlex
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from exporter.cli import config_option
from exporter.commands.contacts import forget_command
from exporter.commands.terminal import ask, tell
from exporter.errors import DoppelgangerError
from exporter.messages import Peer
from exporter.rights.consent import SCOPES, Ledger, Standing, how_to_grant
from exporter.settings import config as configuration
from exporter.settings.config import ConsentScope
from exporter.settings.selection import resolve_contact, to_contact
from exporter.storing.store import Store, open_store

REVOKED: Mapping[ConsentScope, str] = {
    "store": "nothing more is fetched or kept; what is stored stays until you erase it",
    "learn": "the next model learns nothing from it; one that did is there until you train again: python -m trainer",
    "reply": "the double says nothing there any more, and its open drafts are withdrawn",
}
"""What happens once it is revoked."""


@click.command("consent", context_settings={"ignore_unknown_options": True})  # ids of groups begin with a minus
@config_option
@click.argument("chat", required=False)
@click.option("--store", is_flag=True, help="That what is said there is fetched and kept.")
@click.option("--learn", is_flag=True, help="That the model learns from it.")
@click.option("--reply", is_flag=True, help="That the double drafts and answers there; needs --store, too.")
@click.option("--revoke", is_flag=True, help="They agree no longer, to what you name or to anything.")
@click.option("--note", metavar="TEXT", help="How they agreed, or why no longer, for your own records.")
@click.pass_context
def consent_command(
    context: click.Context, /, config_path: Path, chat: str | None, revoke: bool, note: str | None, **scopes: bool
) -> None:
    """Write down what the people in a chat agree to, or show it.

    It is for you to ask them: nothing is fetched, learned or answered in a chat before you write down here that they
    agree, or vouch for its whole kind under [consent] in the configuration. CHAT is a name, @username or id.

    \b
      consent                                      what holds in every chat
      consent Anna                                 what holds in hers, and since when
      consent Anna --store --learn --note "asked her on Sunday"
      consent Anna --revoke --reply                no drafts and answers any more
      consent Anna --revoke                        nothing at all any more

    What you say here goes before the configuration, and nothing is ever struck out: an entry keeps when it was granted
    and when it was revoked. A command that runs meanwhile obeys at once.
    """
    named = [scope for scope in SCOPES if scopes[scope]]
    _demand_sense(chat, note, changes=bool(named or revoke))
    config = configuration.load(config_path)
    config.make_state()
    zone = ZoneInfo(config.timezone)
    with open_store(config.database) as store:
        ledger = Ledger(store.database, config.consent)
        if chat is None:
            _show_all(store, ledger, zone)
            return
        peer = resolve_contact(to_contact(chat), _chats(store))
        if revoke:
            ledger.revoke(peer, named or SCOPES, datetime.now(UTC), note)
        else:
            ledger.grant(peer, named, datetime.now(UTC), note)
        _show(peer, ledger, zone)
        needs_store = "reply" in named and not revoke and not ledger.allows(peer, "store")
    if needs_store:
        tell(f"Note: to answer is to keep what is said, too: {how_to_grant(peer, 'store')}")
    if revoke:
        tell("\n".join(f"{scope}: {REVOKED[scope]}" for scope in named or SCOPES))
        _offer_to_forget(context, config_path, peer)


def _demand_sense(chat: str | None, note: str | None, *, changes: bool) -> None:
    if chat is None and (changes or note):
        raise click.UsageError("say in which chat: consent CHAT …")
    if note and not changes:
        raise click.UsageError("--note goes with what is granted or revoked")


def _offer_to_forget(context: click.Context, config_path: Path, peer: Peer) -> None:
    """Let `forget` erase what is stored, if somebody is there who wants it; it says what that is, and asks again."""
    if sys.stdin.isatty() and ask(f"Forget everything about {peer.name}, too? [y/N] ").lower() in ("y", "yes"):
        context.invoke(forget_command, config_path=config_path, contact=str(peer.peer_id), yes=False, allow_again=False)
    else:
        tell(f"To erase what is stored: python -m exporter forget {shlex.quote(peer.name)}")


def _chats(store: Store) -> list[Peer]:
    """Whom a chat is with. What became part of another chat is none of its own.

    Raises:
        DoppelgangerError: nobody is known yet.
    """
    parts = store.state.migrated() | store.state.joined()
    if peers := [peer for peer_id, peer in store.peers().items() if peer_id not in parts]:
        return peers
    raise DoppelgangerError(
        "no chats are known yet", fix="run `python -m exporter chats --refresh` first, or import an export"
    )


def _show(peer: Peer, ledger: Ledger, zone: tzinfo) -> None:
    """What holds in one chat, since when and from where."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in (Text(peer.title), "", "since"):
        table.add_column(name, no_wrap=True)
    table.add_column("note", overflow="fold")
    for scope, standing in ledger.standings(peer).items():
        note = standing.entry.note if standing.entry else None
        table.add_row(scope, "yes" if standing.holds else "no", _since(standing, zone), Text(note or ""))
    Console().print(table)


def _show_all(store: Store, ledger: Ledger, zone: tzinfo) -> None:
    """A line for each chat that is stored, was ever listed, or stands in the ledger."""
    there = {chat.peer.peer_id for chat in store.chats()} | store.state.dialogs().keys() | ledger.chats()
    chats = [peer for peer in _chats(store) if peer.peer_id in there]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("chat", overflow="fold")
    for name in ("kind", *SCOPES):
        table.add_column(name)
    for peer in sorted(chats, key=lambda one: one.title.casefold()):
        standings = ledger.standings(peer)
        said = (f"{'yes' if one.holds else 'no'}, {_since(one, zone)}" for one in standings.values())
        table.add_row(Text(peer.title), peer.kind, *said)
    Console().print(table)


def _since(standing: Standing, zone: tzinfo) -> str:
    return f"{standing.entry.said_at.astimezone(zone):%Y-%m-%d %H:%M}" if standing.entry else "by default"
