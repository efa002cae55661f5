"""What messages carry beside their words. Knows no protocol; files have no bytes."""

from dataclasses import dataclass


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


Attachment = Media | Poll | Location | Contact
