"""What Telegram takes for a photo. Its bytes are looked at and not kept."""

import struct

from aiogram.types import BufferedInputFile, InputFile

from sandbox.attachments import Media
from sandbox.errors import Refused

PNG = b"\x89PNG\r\n\x1a\n"
HEADER = struct.Struct(">8xI4sII")
"""The signature, then the first chunk: its length, its name, and of a picture's header width and height."""
MOST_BYTES = 10 * 2**20
MOST_SIDES = 10_000
"""Pixels of width and height together."""
LONGEST = 20
"""How many times the longer side may be as long as the other."""


def photo(sent: str | InputFile) -> Media:
    """The picture that came with a call.

    Raises:
        Refused: 400, nothing came, it is no picture, too large, or of a shape that Telegram does not take.
    """
    if not isinstance(sent, BufferedInputFile):
        raise Refused(400, "Bad Request: wrong remote file identifier specified: the sandbox keeps no files")
    content = sent.data
    if not content:
        raise Refused(400, "Bad Request: file must be non-empty")
    if len(content) > MOST_BYTES:
        raise Refused(400, "Bad Request: file is too big")
    if not content.startswith(PNG) or len(content) < HEADER.size:
        raise Refused(400, "Bad Request: IMAGE_PROCESS_FAILED")
    _, _, width, height = HEADER.unpack(content[: HEADER.size])
    if width + height > MOST_SIDES or max(width, height) > LONGEST * min(width, height):
        raise Refused(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
    return Media("photo", mime="image/png", size=len(content), width=width, height=height)
