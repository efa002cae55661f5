"""A Telegram of our own in a process of its own, with one long made-up chat, and the account that syncs it."""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

from exporter.account.login import login
from exporter.errors import DoppelgangerError
from exporter.settings import config as configuration
from exporter.settings.config import Config

ROOT = Path(__file__).resolve().parents[1]
BEGIN = 1_500_000_000
"""When the chat begins, in seconds since 1970."""
OWNER, FRIEND = {"from": "Olive", "from_id": "user1000"}, {"from": "Anna", "from_id": "user1001"}
WORDS = """ok|yes|no|haha|maybe later|really?|see you tomorrow|of course|good night|we could cook together
|the film begins at nine|I forgot my book in the kitchen|it rains again|bring some coffee, please
|are you on the train already|call me when you are there""".replace("\n", "").split("|")


def write_export(file: Path, messages: int, *, seed: int = 1) -> None:
    """Write an account's only chat as a Telegram Desktop export: mostly words, one in eight an answer, some media."""
    chance = random.Random(seed)  # noqa: S311 - made-up chats hold no secret
    owner = {"user_id": 1000, "first_name": "Olive"}
    chat = {"name": "Anna", "type": "personal_chat", "id": 1001}
    with file.open("w", encoding="utf-8") as out:
        out.write(f'{{"personal_information": {json.dumps(owner)}, "chats": {{"list": [{json.dumps(chat)[:-1]}')
        out.write(', "messages": [')
        for number in range(1, messages + 1):
            out.write(",\n" * (number > 1) + json.dumps(_message(number, chance), ensure_ascii=False))
        out.write("]}]}}")


def _message(number: int, chance: random.Random) -> dict[str, Any]:
    sent = BEGIN + 60 * number
    message = {"id": number, "type": "message", "date_unixtime": str(sent), **chance.choice((OWNER, FRIEND))}
    match chance.randrange(40):
        case 0:
            return message | {"text": "", "media_type": "sticker", "sticker_emoji": "😀", "mime_type": "image/webp"}
        case 1:
            return message | {"text": "", "media_type": "voice_message", "duration_seconds": chance.randrange(1, 60)}
        case 2:
            message["edited_unixtime"] = str(sent + 20)
        case 3 | 4 | 5 | 6 | 7 if number > 9:
            message["reply_to_message_id"] = number - chance.randrange(1, 9)
    return message | {"text": ". ".join(chance.choices(WORDS, k=chance.randint(1, 4)))}


class Server:
    """A sandbox that serves an export until its block ends."""

    def __init__(self, export: Path, *, latency: float = 0.0) -> None:
        self._ready = export.with_suffix(".ready")
        command = [sys.executable, "-m", "sandbox", "serve", "--world", str(export), "--ready", str(self._ready)]
        self._process = subprocess.Popen([*command, "--latency", str(latency)], cwd=ROOT, stdout=subprocess.DEVNULL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.wait()

    def about(self) -> dict[str, Any]:
        """What its clients have to know, once it serves; from then on it keeps to the first core.

        Raises:
            DoppelgangerError: it did not start.
        """
        while not self._ready.exists():
            if self._process.poll() is not None:
                raise DoppelgangerError("the sandbox did not start", fix="see above what it says")
            time.sleep(0.05)
        pin(self._process.pid, 0)
        about: dict[str, Any] = json.loads(self._ready.read_text("utf-8"))
        return about


def make_account(folder: Path, about: dict[str, Any]) -> Config:
    """The owner of the served world, logged in; all pacing is off, for this Telegram asks for none."""
    file = folder / "config.toml"
    file.write_text(
        f"""
state = {json.dumps(str(folder / "state"))}
[telegram]
api_id = {about["api_id"]}
api_hash = "{about["api_hash"]}"
phone = "{about["owner"]["phone"]}"
[telegram.server]
host = "{about["host"]}"
port = {about["port"]}
public_key = {json.dumps(about["public_key"])}
[sync]
kinds = ["private"]
requests_per_second = 0
[consent]
default = {{ private = ["store"] }}
""",
        encoding="utf-8",
    )
    config = configuration.load(file, environ={})
    code = str(about["login_code"])
    asyncio.run(login(config, ask=lambda question: code, ask_hidden=lambda question: code))
    return config


def pin(process_id: int, core: int) -> None:
    """Keep a process on one of the cores we may use, counted from 0, where there are as many and the system can."""
    if sys.platform == "linux":
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) > 1:
            os.sched_setaffinity(process_id, {cores[core % len(cores)]})
