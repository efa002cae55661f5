"""What WhatsApp writes into an export in place of what is no text: media, places, polls, and what it says itself. Pure.

Phrases are those of the phones' languages: English, German, Spanish, Portuguese, French, Italian, Dutch, Russian,
Ukrainian, Polish, Czech and Turkish. On iOS a left-to-right mark stands before all of them; Android puts `<>` around
media that were left out.
"""

import re

from exporter.messages import MessageKind

MARK = "\u200e"
"""Stands before what WhatsApp itself says, and tells it from people's words."""
DIRECTIONS = dict.fromkeys(map(ord, "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"))
"""Invisible marks of direction, for `str.translate`."""
_NOUNS = (
    (
        r"image|photo|bild|foto|imagen|imagem|immagine|afbeelding|изображени|зображення|фото|obraz|obrázek|görüntü",
        "photo",
    ),
    (r"video note|видеосообщени|videonachricht", "round"),
    (r"v[ií]d[eé]o|видео|відео|wideo", "video"),
    (r"[aá]udio|аудио|аудіо|ses\b|dźwięk|zvuk", "voice"),
    (r"gif", "animation"),
    (r"sticker|figurinha|стикер|наклейк|naklejk|nálepka|çıkartma", "sticker"),
    (r"contact|kontakt|contato|contatto|карточк|картк|vizitka|kişi", "contact"),
    (r"do[ck]ument|документ|belge", "document"),
    (r"media|medien|multimedia|mídia|média|archivo|медиа|медіа|plik|medya", "other"),
)
_LEFT_OUT = (
    r"omitted|omitid[oa]|omitida|omis[es]?|omess[oai]|absente?|manquante?|weggelassen|ausgelassen|ausgeschlossen"
    r"|ocult[oa]|ocultad[oa]|não revelad[oa]|weggelaten|отсутствует|пропущен[аоы]?|не добавлен|відсутн[єіяй]+|пропущено"
    r"|не додано|pominięt[oay]|vynech[aá]n[oaá]?|dahil edilmedi|non inclus[oa]"
)
_OMITTED = re.compile(
    rf"<?[^<>\n]{{0,200}}?(?:{'|'.join(noun for noun, _ in _NOUNS)})[^<>\n]{{0,20}}? ?(?:{_LEFT_OUT})\.?>?",
    re.IGNORECASE,
)
_PLAIN_OMITTED = re.compile(rf"<?(?:{'|'.join(noun for noun, _ in _NOUNS)}) (?:{_LEFT_OUT})>?", re.IGNORECASE)
_WITHOUT_MEDIA = re.compile(r"<(?:без медиафайлов|без медіафайлів|ohne medien|media hidden)>", re.IGNORECASE)
_ATTACHED_IOS = re.compile(r"<[^<>:\n]{2,40}: ?([^<>\n/]+\.\w{2,5})>")
_ATTACHED_ANDROID = re.compile(
    r"([^\n/]+\.\w{2,5}) \((?:file attached|Datei angehängt|archivo adjunto|arquivo anexado|ficheiro anexado"
    r"|fichier joint|file allegato|bestand bijgevoegd|файл добавлен|файл прикреплен|файл додано|załączono plik"
    r"|soubor přiložen|dosya ekli)\)(?:\n(.*))?",
    re.DOTALL,
)
_FILES = (
    (r"-PHOTO-|^IMG-|\.(?:jpe?g|png|heic)$", MessageKind.PHOTO),
    (r"-GIF-", MessageKind.ANIMATION),
    (r"-VIDEO-|^VID-|\.(?:mp4|mov|3gp)$", MessageKind.VIDEO),
    (r"-STICKER-|^STK-|\.webp$", MessageKind.STICKER),
    (r"^PTT-|\.opus$", MessageKind.VOICE),
    (r"-AUDIO-|^AUD-|\.(?:m4a|mp3|aac|ogg)$", MessageKind.AUDIO),
    (r"\.vcf$", MessageKind.CONTACT),
)
_PLACE = re.compile(r"[\w -]{2,30}: https://(?:maps\.google\.com/|www\.google\.com/maps|foursquare\.com/)\S+")
_POLL = re.compile(
    r"(?:POLL|UMFRAGE|ENCUESTA|ENQUETE|SONDAGE|SONDAGGIO|PEILING|ОПРОС|ОПИТУВАННЯ|ANKIETA|ANKET):\n([^\n]+).*",
    re.DOTALL,
)
_EDITED = re.compile(
    r"\s*<[^<>\n]{0,40}(?:edited|bearbeitet|edit[oóa]|editada|modifié|modificato|bewerkt|изменено|змінено)[^<>\n]{0,20}>$",
    re.IGNORECASE,
)
_DELETED = re.compile(
    r"(?:This message was deleted|You deleted this message"
    r"|Diese Nachricht wurde gelöscht|Du hast diese Nachricht gelöscht"
    r"|Se eliminó este mensaje|Eliminaste este mensaje|Este mensaje fue eliminado|Mensagem apagada"
    r"|Esta mensagem foi apagada|Você apagou esta mensagem|Apagou esta mensagem|Ce message a été supprimé"
    r"|Vous avez supprimé ce message|Questo messaggio è stato eliminato|Hai eliminato questo messaggio"
    r"|Dit bericht is verwijderd|U hebt dit bericht verwijderd|Данное сообщение удалено|Вы удалили данное сообщение"
    r"|Це повідомлення було видалено|Ви видалили це повідомлення)(?: by admin [^\n]{1,80})?\.?",
    re.IGNORECASE,
)


def read_text(raw: str) -> tuple[MessageKind, str] | None:
    """What a message carries and says, as the export has it after the name; None where WhatsApp itself speaks."""
    text = _EDITED.sub("", raw.translate(DIRECTIONS).strip())
    if _DELETED.fullmatch(text):
        return None
    if found := _ATTACHED_ANDROID.fullmatch(text):
        return _file_kind(found[1]), (found[2] or "").strip()
    if MARK in raw and (found := _ATTACHED_IOS.search(text)):
        return _file_kind(found[1]), (text[: found.start()] + text[found.end() :]).strip()
    if poll := _POLL.fullmatch(text):
        return MessageKind.POLL, poll[1].strip()
    if _PLACE.fullmatch(text):
        return MessageKind.LOCATION, ""
    if left_out := _left_out(raw, text):
        return left_out
    return None if raw.lstrip().startswith(MARK) else (MessageKind.TEXT, text)


def _left_out(raw: str, text: str) -> tuple[MessageKind, str] | None:
    """Media that the export leaves out; on iOS their caption stands before."""
    if text == "null" or _WITHOUT_MEDIA.fullmatch(text):  # Android, of what could be seen once
        return MessageKind.OTHER, ""
    if _PLAIN_OMITTED.fullmatch(text) or (text.startswith("<") and _OMITTED.fullmatch(text)):
        return _noun_kind(text), ""
    caption, mark, last = raw.rpartition(MARK)
    last = last.translate(DIRECTIONS).strip()
    if not mark or not _OMITTED.fullmatch(last):
        return None
    kind = _noun_kind(last)
    return kind, "" if kind is MessageKind.DOCUMENT else caption.translate(DIRECTIONS).strip()


def _noun_kind(text: str) -> MessageKind:
    return next(MessageKind(kind) for noun, kind in _NOUNS if re.search(noun, text, re.IGNORECASE))


def _file_kind(name: str) -> MessageKind:
    return next((kind for shape, kind in _FILES if re.search(shape, name, re.IGNORECASE)), MessageKind.DOCUMENT)
