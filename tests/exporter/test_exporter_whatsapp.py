"""WhatsApp's exports, as phones of both systems and several languages write them, into a real store."""

import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import ConfigError, DoppelgangerError
from exporter.imports import import_file
from exporter.imports.lines import BadLine, Entry, read_entries, survey
from exporter.imports.markers import read_text
from exporter.messages import Message, MessageKind, Peer, PeerKind
from exporter.storing.store import Store, open_store

L, N = "\u200e", "\u202f"
"""The invisible mark of what WhatsApp says, and the narrow space before AM and PM."""
ANDROID = """\
31/12/2023, 23:58 - Messages and calls are end-to-end encrypted. Tap to learn more.
31/12/2023, 23:58 - Olive: almost there
31/12/2023, 23:58 - Anna: come
to the roof
31/12/2023, 23:59 - Anna: <Media omitted>
01/01/2024, 00:00 - Olive: IMG-20240101-WA0001.jpg (file attached)
what a sky
01/01/2024, 00:01 - Anna: This message was deleted
01/01/2024, 00:02 - Olive: ok <This message was edited>
"""
IOS = f"""\
[12/31/23, 11:58:01{N}PM] Anna: {L}Messages and calls are end-to-end encrypted.
[12/31/23, 11:58:01{N}PM] Olive: almost there
{L}[12/31/23, 11:58:30{N}PM] Anna: {L}image omitted
{L}[1/1/24, 12:00:05{N}AM] Anna: look {L}<attached: 00000012-VIDEO-2024-01-01-00-00-05.mp4>
[1/1/24, 12:01:00{N}PM] Olive: {L}This message was deleted.
[1/1/24, 12:02:00{N}PM] ~{N}Anna: @\u2068Olive\u2069 lunch?
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "doppelganger.db") as opened:
        yield opened


def write(folder: Path, text: str, name: str = "WhatsApp Chat with Anna.txt") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8", newline="")
    return file


def said(store: Store) -> list[tuple[str, str, str]]:
    (chat,) = store.chats()
    return [
        (f"{m.sent_at:%y-%m-%d %H:%M:%S}", m.kind.value if m.kind is not MessageKind.TEXT else "", m.text)
        for m in store.messages(chat.peer.peer_id)
    ]


def at(text: str) -> list[datetime]:
    lines = text.splitlines()
    return [one.said_at for one in read_entries(lines, survey(lines)) if isinstance(one, Entry)]


def test_a_chat_of_android(store: Store, tmp_path: Path) -> None:
    result = import_file(store, write(tmp_path, ANDROID), me="Olive")
    assert (result.chats, result.messages, result.new, result.skipped) == (1, 5, 5, 0)
    assert said(store) == [
        ("23-12-31 23:58:00", "", "almost there"),
        ("23-12-31 23:58:01", "", "come\nto the roof"),
        ("23-12-31 23:59:00", "other", ""),
        ("24-01-01 00:00:00", "photo", "what a sky"),
        ("24-01-01 00:02:00", "", "ok"),
    ]
    (chat,) = store.chats()
    assert (chat.peer.name, chat.peer.kind, chat.own, chat.peer.elsewhere) == ("Anna", PeerKind.USER, 3, True)


def test_a_chat_of_ios(store: Store, tmp_path: Path) -> None:
    import_file(store, write(tmp_path, IOS.replace("\n", "\r\n"), "_chat.txt"), me="olive")
    assert said(store) == [
        ("23-12-31 23:58:01", "", "almost there"),
        ("23-12-31 23:58:30", "photo", ""),
        ("24-01-01 00:00:05", "video", "look"),
        ("24-01-01 12:02:00", "", "@Olive lunch?"),
    ]


def test_a_zip_and_a_folder(store: Store, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "WhatsApp Chat - Anna.zip", "w") as archive:
        archive.writestr("00000012-PHOTO.jpg", b"\0")
        archive.writestr("_chat.txt", IOS)
    assert import_file(store, tmp_path / "WhatsApp Chat - Anna.zip", me="Olive").new == 4
    write(tmp_path, IOS, "_chat.txt")
    assert import_file(store, tmp_path, me="Olive").new == 0


def test_the_clock_is_the_phones(store: Store, tmp_path: Path) -> None:
    import_file(store, write(tmp_path, "7/1/24, 9:15 PM - Olive: hi\n"), me="Olive", zone=ZoneInfo("Europe/Lisbon"))
    (message,) = store.messages(store.chats()[0].peer.peer_id)
    assert message.sent_at == datetime(2024, 7, 1, 20, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "moment"),
    [
        ("25/03/2023, 09:15 - A: x", (2023, 3, 25, 9, 15)),
        ("3/25/23, 9:15 PM - A: x", (2023, 3, 25, 21, 15)),
        ("25.03.23, 00:15 - A: x", (2023, 3, 25, 0, 15)),
        ("2023-03-25 12:15 - A: x", (2023, 3, 25, 12, 15)),
        (f"[25/3/23, 12:15:09{N}a.{N}m.] A: x", (2023, 3, 25, 0, 15, 9)),
        ("25/3/23, 12:15 p. m. - A: x", (2023, 3, 25, 12, 15)),
        ("[25. 3. 2023, 9.15.09] A: x", (2023, 3, 25, 9, 15, 9)),
        (f"{L}[2023/03/25, 下午9:15:09] A: x", (2023, 3, 25, 21, 15, 9)),
        ("3/4/23, 9:15 PM - A: x", (2023, 3, 4, 21, 15)),
        ("03/04/2023, 21:15 - A: x", (2023, 4, 3, 21, 15)),
    ],
)
def test_dates_and_clocks(line: str, moment: tuple[int, ...]) -> None:
    assert at(line) == [datetime(*moment)]  # noqa: DTZ001


def test_the_order_of_day_and_month_is_what_makes_time_go_forward() -> None:
    assert [one.month for one in at("1/2/23, 10:00 - A: x\n1/3/23, 10:00 - A: x\n2/1/23, 10:00 - A: x")] == [1, 1, 2]
    assert [one.month for one in at("1/2/23, 10:00 - A: x\n2/2/23, 10:00 - A: x\n1/3/23, 10:00 - A: x")] == [2, 2, 3]


@pytest.mark.parametrize(
    ("raw", "kind", "text"),
    [
        ("<Media omitted>", MessageKind.OTHER, ""),
        ("<Medien ausgeschlossen>", MessageKind.OTHER, ""),
        ("<Multimedia omitido>", MessageKind.OTHER, ""),
        ("<Mídia oculta>", MessageKind.OTHER, ""),
        ("<Médias omis>", MessageKind.OTHER, ""),
        ("<Media omessi>", MessageKind.OTHER, ""),
        ("<Без медиафайлов>", MessageKind.OTHER, ""),
        (f"{L}image omitted", MessageKind.PHOTO, ""),
        (f"{L}Bild weggelassen", MessageKind.PHOTO, ""),
        (f"{L}imagen omitida", MessageKind.PHOTO, ""),
        (f"{L}imagem ocultada", MessageKind.PHOTO, ""),
        (f"{L}image absente", MessageKind.PHOTO, ""),
        (f"{L}изображение отсутствует", MessageKind.PHOTO, ""),
        (f"{L}afbeelding weggelaten", MessageKind.PHOTO, ""),
        (f"{L}video omesso", MessageKind.VIDEO, ""),
        (f"{L}Video note omitted", MessageKind.ROUND, ""),
        (f"{L}áudio ocultado", MessageKind.VOICE, ""),
        (f"{L}GIF omitted", MessageKind.ANIMATION, ""),
        (f"{L}figurinha omitida", MessageKind.STICKER, ""),
        (f"{L}стикер не добавлен", MessageKind.STICKER, ""),
        (f"{L}Kontaktkarte ausgelassen", MessageKind.CONTACT, ""),
        (f"report.pdf • {L}3 pages {L}document omitted", MessageKind.DOCUMENT, ""),
        (f"look at that {L}video omitted", MessageKind.VIDEO, "look at that"),
        ("PTT-20240101-WA0002.opus (Datei angehängt)", MessageKind.VOICE, ""),
        ("STK-20240101-WA0003.webp (archivo adjunto)", MessageKind.STICKER, ""),
        ("plan.pdf (fichier joint)", MessageKind.DOCUMENT, ""),
        ("Boris.vcf (file attached)", MessageKind.CONTACT, ""),
        (f"{L}<Anhang: 00000007-PHOTO-2024-01-01-10-00-00.jpg>", MessageKind.PHOTO, ""),
        ("location: https://maps.google.com/?q=38.7,-9.1", MessageKind.LOCATION, ""),
        (f"{L}POLL:\nWhere to?\n{L}OPTION: north (1 vote)", MessageKind.POLL, "Where to?"),
        ("null", MessageKind.OTHER, ""),
        ("I omitted the video on purpose", MessageKind.TEXT, "I omitted the video on purpose"),
        ("<3", MessageKind.TEXT, "<3"),
        ("see http://a.b: fine", MessageKind.TEXT, "see http://a.b: fine"),
    ],
)
def test_media_are_told_in_the_common_languages(raw: str, kind: MessageKind, text: str) -> None:
    assert read_text(raw) == (kind, text)


@pytest.mark.parametrize(
    "line",
    [
        "1/2/24, 10:00 - Anna added Boris",
        "1/2/24, 10:00 - Anna changed the subject from “a: b” to “c: d”",
        f"[1/2/24, 10:00:00] Anna: {L}Anna changed this group's icon",
        f"[1/2/24, 10:00:00] Anna: {L}Missed voice call",
    ],
)
def test_what_whatsapp_says_itself_is_dropped(line: str) -> None:
    assert list(read_entries([line, "and goes on"], survey([line]))) == []


@pytest.mark.parametrize("text", ["Diese Nachricht wurde gelöscht.", "You deleted this message", "Mensagem apagada"])
def test_what_was_deleted_is_dropped(text: str) -> None:
    assert read_text(text) is None


def test_melanie_is_not_me(store: Store, tmp_path: Path) -> None:
    file = write(tmp_path, "1/2/24, 10:00 - Melanie: hi\n1/2/24, 10:01 - Me: oh\n")
    import_file(store, file, me="Me")
    assert [m.outgoing for m in store.messages(store.chats()[0].peer.peer_id)] == [False, True]
    with pytest.raises(DoppelgangerError, match="holds nothing that Mel wrote"):
        import_file(store, file, me="Mel")


def test_who_the_owner_is_must_be_known(store: Store, tmp_path: Path) -> None:
    file = write(tmp_path, ANDROID)
    with pytest.raises(DoppelgangerError, match="does not say who its owner is") as refused:
        import_file(store, file)
    assert '--me "Olive", --me "Anna"' in refused.value.fix
    store.save_peers([Peer(1, PeerKind.SELF, "Olive")])
    assert import_file(store, file).new == 5


def test_a_longer_export_adds_what_is_new(store: Store, tmp_path: Path) -> None:
    line = "1/2/24, 10:00 - Anna: {}\n"
    full = [line.format(text) for text in ("a", "ha", "ha", "b", "ha")]
    assert import_file(store, write(tmp_path, "".join(full[2:])), me="Anna").new == 3
    assert import_file(store, write(tmp_path, "".join(full)), me="Anna").new == 2
    assert import_file(store, write(tmp_path, "".join(full)), me="Anna").new == 0
    assert sorted(m.text for m in store.messages(store.chats()[0].peer.peer_id)) == ["a", "b", "ha", "ha", "ha"]


def test_with_media_or_without_it_is_the_same_message(store: Store, tmp_path: Path) -> None:
    import_file(store, write(tmp_path, "1/2/24, 10:00 - Anna: <Media omitted>\n1/2/24, 10:00 - O: a\n"), me="O")
    with_media = "1/2/24, 10:00 - Anna: IMG-20240201-WA0001.jpg (file attached)\n1/2/24, 10:00 - O: a\n"
    assert import_file(store, write(tmp_path, with_media), me="O").new == 0


def test_a_group_is_known_by_the_files_name(store: Store, tmp_path: Path) -> None:
    text = ANDROID + "02/01/2024, 10:00 - Boris: and me?\n"
    with pytest.raises(DoppelgangerError, match="of a group"):
        import_file(store, write(tmp_path, text, "_chat.txt"), me="Olive")
    import_file(store, write(tmp_path, text, "WhatsApp Chat mit Climbers (1).txt"), me="Olive")
    (chat,) = store.chats()
    assert (chat.peer.name, chat.peer.kind, chat.messages) == ("Climbers", PeerKind.GROUP, 6)
    assert {peer.name for peer in store.peers().values()} == {"Olive", "Anna", "Boris", "Climbers"}


ANNA = Peer(7, PeerKind.USER, "Anna B.", username="anna_b", access_hash=1)
TELEGRAM = Message(7, 5, 7, datetime(2024, 1, 2, tzinfo=UTC), outgoing=False, text="now here")


def test_the_same_person_of_two_sources_is_one_chat(store: Store, tmp_path: Path) -> None:
    store.save_peers([Peer(1, PeerKind.SELF, "Olive Oyl"), ANNA])
    store.add([TELEGRAM])
    file = write(tmp_path, ANDROID)
    assert import_file(store, file, me="Olive", contact="@anna_b").new == 5
    assert import_file(store, file, me="Olive").new == 0
    (chat,) = store.chats()
    assert (chat.peer, chat.messages) == (ANNA, 6)
    assert [m.text for m in store.messages(7)][-2:] == ["ok", "now here"]
    assert {m.sender_id for m in store.messages(7)} == {1, 7}
    assert store.state.migrated() == {}


def test_a_chat_that_was_stored_apart_can_be_joined_later(store: Store, tmp_path: Path) -> None:
    store.save_peers([Peer(1, PeerKind.SELF, "Olive"), ANNA])
    store.add([TELEGRAM])
    file = write(tmp_path, ANDROID)
    import_file(store, file)
    assert [chat.messages for chat in store.chats()] == [5, 1]
    import_file(store, file, contact="7")
    assert [chat.messages for chat in store.chats()] == [6]
    with pytest.raises(ConfigError, match="no chat is called Nobody"):
        import_file(store, file, contact="Nobody")


def test_an_owner_of_whatsapp_alone_gives_way_to_the_account(store: Store, tmp_path: Path) -> None:
    import_file(store, write(tmp_path, ANDROID), me="Olive")
    store.save_peers([Peer(1, PeerKind.SELF, "Olive Oyl")])
    assert store.owner().peer_id == 1
    assert {m.sender_id for m in store.messages(store.chats()[0].peer.peer_id) if m.outgoing} == {1}


def test_a_line_without_a_possible_date_is_named(store: Store, tmp_path: Path) -> None:
    result = import_file(store, write(tmp_path, ANDROID + "31/31/2024, 10:00 - Anna: a secret\n"), me="Olive")
    assert (result.new, result.skipped, result.named) == (5, 1, ("line 10: date or time",))


@pytest.mark.parametrize("content", [b"", b"hello\n", b"\0\xff\xfe", b"PK\x03\x04"])
@pytest.mark.parametrize("name", ["_chat.txt", "a.zip", "unknown"])
def test_a_file_that_is_no_export_is_refused(store: Store, tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DoppelgangerError):
        import_file(store, tmp_path / name, me="Olive")


@given(st.lists(st.text(), max_size=8))
def test_any_text_is_read_without_a_crash(texts: list[str]) -> None:
    lines = [line for text in texts for line in f"[1/2/24, 10:00:00] A{text}: {text}\n{text}".split("\n")]
    style = survey(lines)
    assert all(isinstance(one, Entry | BadLine) for one in (read_entries(lines, style) if style else ()))
