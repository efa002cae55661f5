"""`login`: log in to the account."""

import asyncio
from functools import partial
from pathlib import Path

import click

from exporter.account.login import login, login_by_qr
from exporter.cli import config_option
from exporter.commands.terminal import ask, links, unlocked
from exporter.messages import Peer
from exporter.settings import config as configuration
from exporter.settings.config import Config

SCAN = "On your phone, in Telegram: Settings > Devices > Link Desktop Device, and point the camera here."


@click.command("login")
@config_option
@click.option("--qr", is_flag=True, help="Show a QR code to scan with your phone, instead of asking for a code.")
def login_command(config_path: Path, qr: bool) -> None:
    """Log in with your phone number and Telegram's code.

    Telegram sends the code to your other devices, or as an SMS, and may ask for your password too. The session is
    kept in the state folder; whoever has that file has your account, unless you put it under a `passphrase`. `logout`
    ends it.

    With --qr a device that is logged in lets this one in. Telegram is said to mistrust new programs that come in so:
    prefer the code where you can. Where stdout is no terminal, the tg:// address is printed in place of the QR code.
    """
    config = unlocked(configuration.load(config_path))
    owner = asyncio.run(_by_qr(config) if qr else login(config, ask=ask, ask_hidden=partial(ask, hidden=True)))
    click.echo(f"Logged in as {owner.name} ({owner.peer_id}).")


async def _by_qr(config: Config) -> Peer:
    with links(SCAN) as show:
        return await login_by_qr(config, show=show, ask_hidden=partial(ask, hidden=True))
