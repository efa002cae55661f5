"""Telegram's side: whether it accepts the account and the control bot, and what its clock shows."""

from collections.abc import Callable, Iterator
from datetime import datetime

from telethon.tl.functions.account import GetPasswordRequest
from telethon.tl.functions.help import GetConfigRequest

from bot.deciding.modes import in_folders
from bot.doctor.findings import Finding, note, ok, problem, unseen, wrong
from exporter.account.client import Client
from exporter.account.connection import connect
from exporter.account.sessions import Session, fetch_sessions
from exporter.account.translate import to_peer
from exporter.errors import DoppelgangerError
from exporter.messages import Peer
from exporter.pulling.dialogs import demand_folder, fetch_folders
from exporter.settings.config import Config

SKEW = 30.0
"""Seconds by which the clocks may differ: Telegram refuses what comes from further in its future."""


async def examine_account(config: Config, owner: Peer | None, clock: Callable[[], datetime]) -> list[Finding]:
    """Log in for a look: nothing is written, to the session's file neither."""
    try:
        async with connect(config, look=True) as client:
            me = to_peer(await client.get_me())
            return [
                _account(me, owner),
                *_sessions(await fetch_sessions(client)),
                _password(bool((await client(GetPasswordRequest())).has_password)),
                await _clock(client, clock),
                *await _folders(config, client, me),
            ]
    except DoppelgangerError as error:
        return [problem("account", error), *(unseen(about, "no login") for about in ("clock", "folders"))]


def _account(me: Peer, owner: Peer | None) -> Finding:
    if owner and owner.peer_id != me.peer_id and not owner.elsewhere:
        says = f"logged in as {me.name}, but the history is that of {owner.name}"
        return wrong("account", says, "give every account its own `state` folder in its own configuration")
    return ok("account", f"logged in as {me.name}")


def _sessions(sessions: tuple[Session, ...]) -> Iterator[Finding]:
    """Somebody who waits for the password knows the code."""
    for one in sessions:
        if one.unfinished:
            says = f"{one.device} ({one.place}) knows your login code, and is asked for your password"
            yield wrong("sessions", says, "if that is not you: `python -m exporter sessions`, and terminate it")
    yield ok("sessions", f"{len(sessions)} of your account; `python -m exporter sessions` lists them")


def _password(has_one: bool) -> Finding:
    if has_one:
        return ok("password", "two-step verification is on")
    fix = "turn it on in Telegram, under Settings > Privacy and Security"
    return note("password", "two-step verification is off: whoever learns a login code has your account", fix)


async def _clock(client: Client, clock: Callable[[], datetime]) -> Finding:
    """Telegram tells whole seconds: half of one is the middle."""
    asked = clock()
    told: datetime = (await client(GetConfigRequest())).date
    answered = clock()
    skew = ((asked - told) + (answered - told)).total_seconds() / 2 - 0.5
    says = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} Telegram's"
    if abs(skew) < SKEW:
        return ok("clock", f"{says}; it matters from {SKEW:.0f} s on")
    return wrong(
        "clock",
        f"{says}: messages would count as older or newer than they are, and drafted instead of answered",
        "let this machine keep time: `timedatectl set-ntp true`",
    )


async def _folders(config: Config, client: Client, me: Peer) -> list[Finding]:
    """Those that the configuration names."""
    named = [title for title in (config.sync.folder, config.reply.draft_folder, config.reply.auto_folder) if title]
    if not named:
        return []
    folders = await fetch_folders(client, me.peer_id)
    try:
        in_folders(config.reply, folders)
        if config.sync.folder:
            demand_folder(config.sync.folder, folders)
    except DoppelgangerError as error:
        return [problem("folders", error)]
    return [ok("folders", f"there are {' and '.join(dict.fromkeys(named))}")]


async def examine_control(config: Config, linked: int | None) -> Finding:
    """Ask the Bot API who its token belongs to; where there is none, that is well, too. `linked` is the owner's bot."""
    from bot.desks.control.api import open_bot  # aiogram takes two seconds to import

    said: list[str] = []
    try:
        async with open_bot(config.control, said.append) as bot:
            if bot is None:
                return ok("control bot", "none: cards come to your Saved Messages")
            if said:
                return unseen("control bot", *said)
            name = f"@{(await bot.me()).username}"
            if bot.id == linked:
                return ok("control bot", f"{name}, linked to you")
            fix = f"send {name} the code that `python -m bot` shows"
            return note("control bot", f"{name} is not linked to you yet: it shows and obeys nothing", fix)
    except DoppelgangerError as error:
        return problem("control bot", error)
