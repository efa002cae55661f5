"""`init`: ask what has to be known, and write the configuration."""

import os
import re
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import get_args

import click

from exporter.cli import config_option
from exporter.commands.interview import Interview
from exporter.commands.terminal import tell
from exporter.errors import ConfigError
from exporter.settings.config import Config, ConsentScope, Kind, time_zone
from exporter.settings.credentials import SECRETS, given
from exporter.settings.selection import to_contact
from exporter.settings.template import Key, Value, fill, write_config

FIRST = """
Three things come before all else, and no program settles them for you.

1. Telegram's API terms, section 1.5 (https://core.telegram.org/api/terms), restrict using its data to train AI. This \
program does not make that use compliant, and Telegram may cut off whoever breaks its terms.
2. The people you write with have not agreed to be stored, learned from or answered by a model. Their consent is yours \
to get, chat by chat.
3. Third-party clients are watched: Telegram puts accounts that log in through one under observation, and limits or \
bans those that write too much too fast. Use an account that is well established, and an api_id of your own.
"""
APPLICATION = """
Telegram wants every program to have an api_id. Yours: sign in at https://my.telegram.org with your phone number, open \
"API development tools", create an application (any title and short name will do), and copy its api_id and api_hash.
"""
CHATS = """
Only chats that you choose are ever asked for. Choose kinds of them now, or none: once you are logged in, `chats \
--refresh` lists them all, and you name single ones under [sync].
"""
CONSENT = """
Nothing is pulled from, learned from or answered in a chat before you say that its people agreed to it. Say so for \
single chats, later, with `consent`; here you would vouch for everybody of a kind at once.
"""
BOT = """
Drafts come to your Saved Messages. A bot of your own, from @BotFather, can bring them as cards with buttons instead; \
then their text passes Telegram's servers for bots. Most people need none.
"""
DONE = """
The double speaks for nobody: all modes are off. To turn it on for somebody who knows, once there is a model, name \
them under [reply]: draft proposes replies to you, auto answers by itself.
"""
KINDS: tuple[Kind, ...] = get_args(Kind)
SCOPES: tuple[ConsentScope, ...] = get_args(ConsentScope)
NEXT = {
    "login": "log in with the code that Telegram sends you",
    "chats --refresh": "list your chats; name single ones under [sync]",
    'consent "Name" --store --learn --reply': "once the people in that chat agreed to it",
    "sync": "pull what is chosen and agreed to",
}
STATE = str(Config.model_fields["state"].default)
HASH, TOKEN, *_ = SECRETS
Values = dict[Key, Value | None]


@click.command("init")
@config_option
@click.option("--api-id", metavar="N", help="Of your application. Its api_hash is DOPPELGANGER_API_HASH, or asked for.")
@click.option("--timezone", metavar="ZONE", help="The clock you live by: Europe/Lisbon.")
@click.option("--state", metavar="FOLDER", help="Where everything is kept.")
@click.option("--kinds", metavar="KINDS", help="Chats to sync: of private,group,channel,bot, or none.")
@click.option("--chat", "chats", metavar="CONTACT", multiple=True, help="And this chat: its name, @username or id.")
@click.option("--folder", metavar="TITLE", help="And those in this folder of Telegram's.")
@click.option("--consent", metavar="KIND=SCOPES", multiple=True, help="You vouch: private=store,learn.")
@click.option("--yes", is_flag=True, help="Ask nothing: what is said first is read, all else is as by default.")
@click.option("--replace", is_flag=True, help="Replace a configuration that exists.")
def init_command(
    config_path: Path,
    chats: tuple[str, ...],
    folder: str | None,
    consent: tuple[str, ...],
    yes: bool,
    replace: bool,
    **given: str | None,
) -> None:
    """Write the configuration, step by step.

    It asks for what has to be known and explains it; options answer beforehand. Nothing is written before the end, the
    file is for your eyes only, and one that exists is replaced only if you say so. Secrets that stand in the
    environment, as DOPPELGANGER_API_HASH and DOPPELGANGER_BOT_TOKEN, stay there.
    """
    interview = Interview({**given, "consent": " ".join(consent) or None}, silent=yes)
    interview.say(FIRST)
    if not yes and not interview.confirms("Go on?"):
        raise click.Abort
    if config_path.exists() and not replace and (yes or not interview.confirms(f"{config_path} exists. Replace it?")):
        raise ConfigError(
            f"{config_path} exists, and stays as it is", fix="name another file with --config, or say --replace"
        )
    values = _account(interview)
    values |= _chats(interview, chats, folder)
    interview.explain(BOT)
    values |= _secret(interview, TOKEN, "Token of your bot (not shown; Enter: none)", _token, default="")
    write_config(config_path, fill(values))
    interview.say(DONE)
    tell(f"{config_path} is written. What comes next:")
    config = "" if config_path == Path("config.toml") else f" --config {shlex.quote(str(config_path))}"
    for step, meaning in NEXT.items():
        tell(f"  # {meaning}\n  python -m exporter {step}{config}")


def _account(interview: Interview) -> Values:
    interview.explain(APPLICATION)
    return {
        ("telegram", "api_id"): interview.answer("api_id", "api_id", _api_id),
        **_secret(interview, HASH, "api_hash (not shown)", _api_hash),
        ("", "timezone"): interview.answer("timezone", "Your time zone", time_zone, default=_local_zone(os.environ)),
        ("", "state"): interview.answer("state", "Folder for all data", _folder, default=STATE),
    }


def _chats(interview: Interview, chats: Sequence[str], folder: str | None) -> Values:
    interview.explain(CHATS)
    question = f"Kinds of chats, of {', '.join(KINDS)}; or none"
    kinds = interview.answer("kinds", question, partial(_some, KINDS), default="private")
    interview.explain(CONSENT)
    question = f"Everybody in them agrees to, of {', '.join(SCOPES)}; or none"
    consent = interview.answer("consent", question, partial(_consents, kinds), default="none")
    values: Values = {("sync", "kinds"): kinds, ("sync", "chats"): [to_contact(chat) for chat in chats]}
    if folder:
        values["sync", "folder"] = folder
    if consent:
        values["consent", "default"] = consent
    return values


def _secret(
    interview: Interview, variable: str, question: str, check: Callable[[str], str], default: str | None = None
) -> Values:
    """None for a secret that is not for the file, as it stands in the environment; nothing where there is none."""
    key = SECRETS[variable]
    if variable in given(os.environ):
        tell(f"{variable} is taken from the environment, and not written to the file: set it wherever commands run.")
        return {key: None}
    answer = interview.answer(variable, question, check, default=default, hidden=True)
    return {key: answer} if answer else {}


def _api_id(typed: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,9}", typed, re.ASCII):
        raise ValueError("an api_id is a number, such as 12345")
    return int(typed)


def _api_hash(typed: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{32}", typed):
        raise ValueError("an api_hash has 32 characters, each of them 0 to 9 or a to f")
    return typed


def _token(typed: str) -> str:
    if not re.fullmatch(r"(\d+:[\w-]{30,})?", typed, re.ASCII):
        raise ValueError("a token is a number, a colon and some 35 characters")
    return typed


def _folder(typed: str) -> str:
    folder = Path(typed).expanduser()
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{typed} is a file")
    return typed if typed.startswith("~") else str(folder.absolute())


def _some(choice: Collection[str], typed: str) -> list[str]:
    """Those that were typed, with commas or spaces between; none of them for `none`."""
    named = [word for word in re.split(r"[,\s]+", typed.casefold()) if word not in ("", "none")]
    if others := [word for word in named if word not in choice]:
        raise ValueError(f"{others[0]} is none of {', '.join(choice)}")
    return [one for one in choice if one in named]


def _consents(kinds: Sequence[str], typed: str) -> dict[str, list[str]]:
    """`store,learn` for each of the kinds; or `private=store,learn group=store`."""
    if "=" in typed:
        parts = [part.partition("=") for part in typed.split()]
        consents = {kind: _some(SCOPES, scopes) for name, _, scopes in parts for kind in _some(KINDS, name)}
    else:
        consents = dict.fromkeys(kinds, _some(SCOPES, typed))
    if any(scopes and "store" not in scopes for scopes in consents.values()):
        raise ValueError("what is learned from or answered has to be stored: say store, too")
    return {kind: scopes for kind, scopes in consents.items() if scopes}


def _local_zone(environ: Mapping[str, str], link: Path = Path("/etc/localtime")) -> str:
    """The time zone of this machine, as far as it says; else UTC."""
    _, _, linked = str(link.resolve()).partition("zoneinfo/")
    for name in (environ.get("TZ", "").removeprefix(":"), linked):
        with suppress(ValueError):
            return time_zone(name)
    return "UTC"
