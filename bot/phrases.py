"""Words and phrases of people, as this package compares them: with lists of them, and without regard to how one types.

Pure; which phrases mean what, others know.
"""

import re
import unicodedata

_HIDDEN = re.compile(r"[\u00ad\u200b-\u200f\u2060\ufeff]")
_ALIKE = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'", "ё": "е"})


def plain(text: str) -> str:
    """As it is compared: no capitals, one kind of apostrophe, nothing that nobody sees."""
    return _HIDDEN.sub("", unicodedata.normalize("NFKC", text)).casefold().translate(_ALIKE)


def pattern(entries: str) -> re.Pattern[str]:
    """Words and phrases, set apart by commas, as they stand in a plain text; `*` stands for any end of a word."""
    phrases = (plain(entry).split() for entry in entries.replace("\n", " ").split(",") if entry.strip())
    found = (r"\W+".join(re.escape(word).replace(r"\*", r"\w*") for word in phrase) for phrase in phrases)
    return re.compile(rf"(?<!\w)(?:{'|'.join(found)})(?![\w'])")
