"""The owner's other writing: which files are read, and how it is cut."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.data.notes import Notes, chunks, read_notes, sampled


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "notes" / "deep").mkdir(parents=True)
    return tmp_path / "notes"


def test_files_are_found_read_and_redacted(folder):
    (folder / "b.md").write_text("Call Anna.\n\nHer number: +7 916 123-45-67")
    (folder / "deep" / "a.txt").write_text("\ufeffA walk.\r\n\r\n\r\nA swim.", newline="")
    assert read_notes(["~/notes/**/*.md", "~/notes/**/*.txt"], None) == Notes(
        ("Call Anna.\n\nHer number: [phone 1]", "A walk.\n\nA swim.")
    )


def test_no_pattern_reads_nothing():
    assert read_notes([], "RU") == Notes()


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(folder):
    (folder / "a.txt").write_bytes(b"\xff\xfe\xff")
    (folder / "b.pdf").write_text("%PDF")
    (folder / "c.txt").write_text("fine")
    (folder / "d.md").symlink_to(folder / "d.md")
    found = read_notes(["~/notes/*", "~/posts/*.md"], None)
    assert found.texts == ("fine",)
    assert found.skipped == (
        f"{folder / 'a.txt'}: not in UTF-8",
        f"{folder / 'b.pdf'}: neither .md nor .txt",
        "~/posts/*.md: no such file",
    )


def test_copies_and_quotes_are_not_the_owners_words(folder):
    (folder / "a.txt").write_text("one\n\ntwo")
    (folder / "b.txt").write_text("two\n\n> quoted by somebody\n> at length\nthree")
    assert read_notes(["~/notes/*.txt"], None).texts == ("one\n\ntwo", "three")


def test_a_text_is_cut_between_paragraphs_else_between_lines_else_between_words():
    assert list(chunks("a b\n\nc d\n\ne f", len, 8)) == ["a b\n\nc d", "e f"]
    assert list(chunks("aa\nbb\ncc\n\nd", len, 5)) == ["aa\nbb", "cc\n\nd"]
    assert list(chunks("aa bb cc", len, 5)) == ["aa bb", "cc"]
    assert list(chunks("abcdefgh", len, 5)) == ["abcd", "efgh"]


@given(st.text("ab \n", max_size=80), st.integers(1, 20))
def test_no_piece_costs_more_than_the_limit_and_no_word_is_lost(text, limit):
    pieces = list(chunks(text, len, limit))
    assert all(len(piece) <= limit for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_a_share_of_the_pieces_is_chosen_by_the_seed():
    def chosen(tokens, seed):
        return sampled([(0,) * 10] * 50, tokens, Random(seed))  # noqa: S311 - no secret

    assert len(chosen(100, 1)) == 10 and chosen(100, 1) == sorted(set(chosen(100, 1)))
    assert chosen(100, 1) != chosen(100, 2)
    assert chosen(10_000, 1) == list(range(50))
