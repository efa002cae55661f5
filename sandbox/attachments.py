"""What messages carry beside their words. Knows no protocol; files have no bytes."""

from dataclasses import dataclass

VIEW_ONCE = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Media:
    """A file and how it shows itself; its bytes are not served."""

    kind: str
    """photo, sticker, voice, round, video, animation, audio or document"""
    emoji: str | None = None
    duration: int = 0
    """Seconds."""
    mime: str = "application/octet-stream"
    name: str | None = None
    size: int = 0
    """Bytes."""
    width: int = 0
    height: int = 0
    title: str | None = None
    performer: str | None = None
    spoiler: bool = False
    """Hidden until it is tapped."""
    ttl: int = 0
    """Seconds that it may be seen for; `VIEW_ONCE` for one look; 0 for as long as one likes."""


@dataclass(frozen=True, slots=True)
class Poll:
    """A question with answers; votes are not kept."""

    question: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Location:
    """Degrees."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Contact:
    """Someone's card."""

    phone: str
    first_name: str
    last_name: str = ""


@dataclass(frozen=True, slots=True)
class Venue:
    """A place with a name."""

    title: str
    address: str
    location: Location


@dataclass(frozen=True, slots=True)
class LiveLocation:
    """Where someone is, for a while."""

    location: Location
    period: int
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Dice:
    """A die, or what else Telegram throws."""

    emoji: str
    value: int


@dataclass(frozen=True, slots=True)
class WebPage:
    """What is shown of a link."""

    url: str
    title: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Game:
    """A bot's game."""

    title: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Invoice:
    """A bill."""

    title: str
    description: str
    currency: str
    amount: int
    """In the currency's smallest units."""


@dataclass(frozen=True, slots=True)
class Story:
    """Someone's story."""

    user_id: int
    number: int


@dataclass(frozen=True, slots=True)
class Giveaway:
    """Prizes for those who join channels."""

    channel_ids: tuple[int, ...]
    quantity: int
    until: int
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class PaidMedia:
    """Media that nobody sees who has not paid."""

    stars: int
    count: int = 1


@dataclass(frozen=True, slots=True)
class Todo:
    """A list of things to do."""

    title: str
    items: tuple[str, ...]
    done: tuple[int, ...] = ()
    """Places of those that are done."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """What the client's layer does not know."""


Attachment = (
    Media
    | Poll
    | Location
    | Contact
    | Venue
    | LiveLocation
    | Dice
    | WebPage
    | Game
    | Invoice
    | Story
    | Giveaway
    | PaidMedia
    | Todo
    | Unsupported
)
