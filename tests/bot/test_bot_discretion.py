"""Nothing that a model knows from one chat is said in another, unless it is known there, or to everybody."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.composing.discretion import Discretion
from bot.composing.flaws import Flaw
from bot.composing.notes import Note
from bot.composing.tells import load_tells
from bot.deciding.guard import load_guard
from bot.tables import migrations
from exporter.imports import import_file
from exporter.messages import Message, Peer, PeerKind
from exporter.storing import fulltext, ghostwritten
from exporter.storing.store import open_store
from trainer.reading.conversations import View

ANN, BEN, EVE = Peer(1, PeerKind.SELF, "Ann"), Peer(5, PeerKind.USER, "Ben"), Peer(6, PeerKind.USER, "Eve Wagner")
OTHERS = [Peer(10 + number, PeerKind.USER, name) for number, name in enumerate(("Will", "Mia", "Leo", "Ida"))]
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
VIEW = View(ANN, BEN, timedelta(hours=1), UTC, "RU")
COMMON = load_guard().common
STORY = "my sister sold the blue boat to a dentist in Porto"


def said(number, text, *, chat=BEN, own=False, **more):
    sender = ANN if own else chat
    return Message(chat.peer_id, number, sender.peer_id, BEGIN + timedelta(minutes=number), own, text, **more)


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "store.db", migrations) as store:
        store.save_peers([ANN, BEN, EVE, *OTHERS])
        yield store


@pytest.fixture
def flaw_of(store):
    """What speaks against words in Ben's chat."""

    def flaw(*texts, noted=()):
        notes = [Note(1, None, text, BEGIN, BEGIN) for text in noted]
        discretion = Discretion(store, VIEW, load_tells(), COMMON, notes)
        asyncio.run(discretion.catch_up())
        return discretion.flaw(texts)

    return flaw


@pytest.mark.parametrize(
    ("text", "as_it_stands_here"),
    [
        ("call +7 916 123-45-67", "his number: 8 (916) 1234567"),
        ("it's 4111 1111 1111 1111", "card 4111-1111-1111-1111"),
        ("mail to eve@example.org", "her mail: eve@example.org"),
        ("GB82 WEST 1234 5698 7654 32", "iban GB82WEST12345698765432"),
        ("the password is hunter2secret", "hunter2secret"),
        ("the door code is 4821", "the code is 4821!"),
        ("order 5533 7721 09", "which order? 5533772109"),
        ("we meet at 12 Baker Street", "I live in 12 Baker Street"),
        ("wohnt in der Lindenstraße 5", "Lindenstraße 5, 3. Stock"),
        ("живу на ул. Ленина, 5", "это ул. Ленина, 5?"),
        ("8 rue de Lisbonne", "au 8 rue de Lisbonne"),
        ("calle de Alcalá 44", "en calle de Alcalá 44"),
        ("look https://example.org/p/xyz", "see https://example.org/p/xyz"),
        ("ask @eve_w", "she is @eve_w"),
    ],
)
def test_a_secret_that_is_not_in_this_chat_is_never_said(store, flaw_of, text, as_it_stands_here):
    store.add([said(1, as_it_stands_here, chat=EVE), said(2, "hi")])
    assert flaw_of("sure", text) is Flaw.SECRET
    assert flaw_of("sure", text, noted=[as_it_stands_here]) is not Flaw.SECRET, "the owner noted it for this chat"
    store.add([said(3, as_it_stands_here)])
    assert flaw_of("sure", text) is not Flaw.SECRET
    store.delete(5, [3], BEGIN)
    assert flaw_of("sure", text) is Flaw.SECRET


@pytest.mark.parametrize(
    "text", ["see you at 18:30", "on 21.11.2026", "2026-11-21", "2019-2021", "it costs 1500", "100%", "u2?", "a1 b2"]
)
def test_times_and_small_numbers_are_no_secrets(flaw_of, text):
    assert flaw_of(text) is None


def test_a_model_that_goes_on_with_both_sides_is_stopped(flaw_of):
    assert flaw_of("ok\nBen\nand then?") is flaw_of("Ann: yes") is flaw_of("yes", "ben: hm") is Flaw.FRAME
    assert flaw_of("Ben") is flaw_of("Ben, come here") is None


def test_nobody_is_named_of_whom_nobody_spoke_here(store, flaw_of):
    store.add([said(1, "hi"), said(2, "hi", chat=EVE)])
    assert flaw_of("ask wagner") is flaw_of("with EVE?") is Flaw.NAME
    assert flaw_of("Ben will know") is None, "neither the contact's own name, nor what is a word besides"
    assert flaw_of("with Eve", noted=["at Eve's until Friday"]) is None
    store.add([said(3, "how is Eve?")])
    assert flaw_of("Eve is fine") is None


def test_of_whom_the_owner_speaks_with_everybody_he_may_speak_here(store, flaw_of):
    store.add([said(1, "Eve is fine", chat=other, own=True) for other in OTHERS[:2]])
    assert flaw_of("with Eve") is Flaw.NAME
    store.add([said(1, "Eve is fine", chat=OTHERS[2], own=True)])
    assert flaw_of("with Eve") is None


def test_what_somebody_said_in_another_chat_is_not_repeated_word_for_word(store, flaw_of):
    store.add([said(1, f"Listen: {STORY}!", chat=EVE), said(2, "hi")])
    assert flaw_of(f"you know, {STORY.upper()}...") is Flaw.VERBATIM
    assert flaw_of("my sister sold the", "blue boat to a dentist in Porto") is Flaw.VERBATIM
    assert flaw_of("my sister sold the blue boat to somebody in Porto") is None
    store.delete(6, [1], BEGIN)
    assert flaw_of(STORY) is Flaw.VERBATIM, "a model may have learned it before"
    store.add([said(3, STORY)])
    assert flaw_of(STORY) is None


def test_what_many_say_is_nobodys(store, flaw_of):
    store.add(said(1, STORY, chat=other) for other in OTHERS[:2])
    assert flaw_of(STORY) is Flaw.VERBATIM
    store.add([said(1, STORY, chat=OTHERS[2])])
    assert flaw_of(STORY) is None


def test_an_assistants_phrase_is_said_only_by_who_says_it_himself(store, flaw_of):
    assert flaw_of("try that.", "I hope this helps!") is flaw_of("Wie kann ich dir helfen?") is Flaw.TELL
    store.add([said(1, "hope this helps", own=True), said(2, "HOPE this helps", own=True, chat=EVE)])
    assert flaw_of("try that. hope this helps") is None
    store.add(said(number, "how can I help you", own=True) for number in (3, 4))
    for number in (3, 4):
        ghostwritten.mark(store.database, 5, number)
    assert flaw_of("how can I help?") is Flaw.TELL, "what the double said is none of his habits"


def test_whatever_a_model_says_is_judged(store, flaw_of):
    store.add([said(1, STORY, chat=EVE)])

    @settings(max_examples=60)
    @given(st.lists(st.text(max_size=200) | st.sampled_from([STORY, "@eve_w", '"', "NEAR(", "*", "🙂"]), max_size=3))
    def judged(texts):
        assert flaw_of(*texts) in {None, *Flaw}
        if STORY in texts:
            assert flaw_of(*texts) is not None

    judged()


def test_what_a_real_person_said_is_hardly_ever_taken_for_a_leak(real_export, tmp_path):
    """Of his own words, each looked at as if he had not said them yet. Links that he gave are secrets to a double."""
    with open_store(tmp_path / "store.db", migrations) as store:
        import_file(store, real_export, me=1000)
        fulltext.catch_up(store.database)
        chats = {chat.peer.peer_id: chat.peer for chat in store.chats()}
        own = [one for chat_id in chats for one in store.messages(chat_id) if one.outgoing and one.text][::25]
        found = []
        for message in own:
            view = View(ANN, chats[message.chat_id], timedelta(hours=1), UTC, None)
            store.delete(message.chat_id, [message.message_id], BEGIN)
            found.append(Discretion(store, view, load_tells(), COMMON).flaw([message.text]))
    assert found.count(Flaw.VERBATIM) == 0 and found.count(Flaw.TELL) <= 0.005 * len(own)
    assert found.count(Flaw.NAME) <= 0.02 * len(own) and found.count(Flaw.SECRET) <= 0.06 * len(own)
