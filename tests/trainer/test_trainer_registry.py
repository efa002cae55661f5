"""The models that there are, and which is in use: found, promoted, rolled back, removed; killed at any moment."""

import json
import shutil
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import gguf
import pytest
from click.testing import CliRunner
from transformers.convert_slow_tokenizer import bytes_to_unicode

from exporter.storing.store import open_store
from tests.bot.bigram import a_card
from trainer.commands import main
from trainer.models import registry
from trainer.models.artifact import (
    CARD,
    MODEL,
    CannotLoad,
    LearnedFromForgotten,
    PromptMismatch,
    vocabulary,
    write_card,
)
from trainer.models.registry import POINTER, InUse, NoModel, Verdict
from trainer.reading.golden import fingerprint
from trainer.reading.prompt import PromptSpec

FIRST = datetime(2026, 11, 20, 12, tzinfo=UTC)
PASSED = Verdict(passed=True, why="")


@pytest.fixture
def models(tmp_path):
    return tmp_path / "state" / "models"


@pytest.fixture(scope="module")
def letters(tmp_path_factory):
    """A model of nothing but a vocabulary of single bytes, which loads in a millisecond; and its fingerprint."""
    path = tmp_path_factory.mktemp("letters") / MODEL
    frame = PromptSpec().frame.controls
    tokens = [*bytes_to_unicode().values(), *frame]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.NORMAL] * 256 + [gguf.TokenType.CONTROL] * len(frame))
    writer.add_token_merges(["a b"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with vocabulary(path) as tokenizer:
        return path, fingerprint(tokenizer, PromptSpec())


@pytest.fixture
def put(models, letters):
    """A function that publishes a model of so many days later; its name."""

    def publish(day: int = 0, verdict: Verdict = PASSED, **changes: object) -> str:
        prepared = models.parent / "prepared"
        prepared.mkdir(parents=True)
        (prepared / MODEL).symlink_to(letters[0])
        write_card(prepared, a_card(created=FIRST + timedelta(days=day), **{"fingerprint": letters[1], **changes}))
        return registry.publish(prepared, models, verdict).name

    return publish


def call(models: Path, *arguments: object):
    config = models.parents[1] / "config.toml"
    config.write_text(f'state = "{models.parent}"\n[telegram]\napi_id = 1\napi_hash = "0"\n')
    command = ["models", *map(str, arguments), "--config", str(config)]
    return CliRunner(env={"COLUMNS": "300"}).invoke(main, command, catch_exceptions=False)


def test_a_published_model_is_there_and_not_yet_in_use(models, put):
    with pytest.raises(NoModel) as caught:
        registry.current(models)
    assert "python -m trainer run" in caught.value.fix
    first, second = put(), put(1)
    assert registry.names(models) == [second, first] == ["2026-11-21-120000", "2026-11-20-120000"]
    (models / ".half").mkdir()
    (models / "2999").mkdir()
    assert registry.names(models) == [second, first]
    with pytest.raises(NoModel, match="none of the 2 models") as caught:
        registry.current(models)
    assert "models promote" in caught.value.fix
    registry.promote(models, first)
    assert registry.current(models).name == registry.in_use(models) == first


def test_two_models_of_one_second_have_two_names(models, put):
    assert put() != put()
    assert len(registry.names(models)) == 2


def test_a_rollback_goes_back_through_all_that_was_in_use_and_still_is_there(models, put):
    one, two, three, four = (put(day) for day in range(4))
    for name in (one, two, three, two, four):
        registry.promote(models, name)
    registry.remove(models, three)
    assert registry.rollback(models, skipped=pytest.fail).name == two
    assert registry.rollback(models, skipped=pytest.fail).name == one
    with pytest.raises(NoModel, match="go back"):
        registry.rollback(models, skipped=pytest.fail)
    assert registry.current(models).name == one


def test_a_rollback_skips_models_that_this_code_reads_otherwise(models, put):
    one, two, three = put(), put(1), put(2)
    for name in (one, two, three):
        registry.promote(models, name)
    forge(models / two, fingerprint="0" * 16)
    skipped = []
    assert registry.rollback(models, skipped=lambda *said: skipped.append(said)).name == one
    assert [name for name, _ in skipped] == [two]


def test_what_reads_prompts_otherwise_is_never_put_to_use(models, put):
    name = put(fingerprint="0" * 16)
    with pytest.raises(PromptMismatch, match="this code renders"):
        registry.promote(models, name)
    assert registry.in_use(models) is None


def test_what_is_no_gguf_is_never_put_to_use(models, put):
    name = put()
    (models / name / MODEL).unlink()
    (models / name / MODEL).write_bytes(b"GGUF")
    with pytest.raises(CannotLoad, match=r"llama\.cpp cannot load"):
        registry.promote(models, name)
    assert "cannot load" in call(models).stdout


def test_a_name_may_be_any_part_that_no_other_has(models, put):
    one, two = put(), put(1)
    assert registry.find(models, "-21-") == two
    assert registry.find(models, one) == one
    with pytest.raises(NoModel, match=f"could be {two} or {one}"):
        registry.find(models, "2026")
    with pytest.raises(NoModel, match="none of the models"):
        registry.find(models, "../..")


def test_the_newest_the_one_in_use_and_the_one_before_it_are_kept(models, put):
    names = [put(day) for day in range(6)]
    for name in (names[0], names[2], names[1]):
        registry.promote(models, name)
    assert registry.thin(models, 1) == [names[4], names[3], names[0]]
    assert registry.names(models) == [names[5], names[2], names[1]]
    with pytest.raises(InUse):
        registry.remove(models, names[1])


@pytest.mark.parametrize("operation", ["promote", "rollback", "remove", "keep"])
def test_killed_at_any_file_operation_there_is_a_state_that_makes_sense(models, put, operation, monkeypatch):
    """Every rename and every erasure is, once, the last thing that the process did, before it or after it."""
    names = [put(day) for day in range(4)]
    for name in names[:2]:
        registry.promote(models, name)
    whole = shutil.copytree(models, models.parent / "whole", symlinks=True)
    operations = {
        "promote": lambda: registry.promote(models, names[2]),
        "rollback": lambda: registry.rollback(models, skipped=pytest.fail),
        "remove": lambda: registry.remove(models, names[0]),
        "keep": lambda: registry.thin(models, 1),
    }
    allowed = {"promote": names[1:3], "rollback": names[:2]}.get(operation, names[1:2])
    for moment in range(20):
        shutil.rmtree(models)
        shutil.copytree(whole, models, symlinks=True)
        with monkeypatch.context() as patched:
            die_at(patched, moment)
            try:
                operations[operation]()
                break
            except Killed:
                pass
        assert registry.current(models).name in allowed
        assert names[1] in registry.names(models)
        with suppress(NoModel):  # it was done already
            operations[operation]()
        assert registry.current(models).name in allowed
    assert moment >= 2


class Killed(BaseException):
    """The process is gone."""


def die_at(patched: pytest.MonkeyPatch, moment: int) -> None:
    count = 0

    def mortal(operation):
        def tried(*arguments, **options):
            nonlocal count
            for work in (lambda: None, lambda: operation(*arguments, **options)):
                work()
                count += 1
                if count > moment:
                    raise Killed

        return tried

    patched.setattr(Path, "replace", mortal(Path.replace))
    patched.setattr(Path, "rename", mortal(Path.rename))
    patched.setattr(registry, "erase", mortal(registry.erase))


def test_a_pointer_that_makes_no_sense_is_said_and_mended(models, put):
    name = put()
    registry.promote(models, name)
    (models / POINTER).write_text("{")
    with pytest.raises(NoModel) as caught:
        registry.current(models)
    assert POINTER in caught.value.fix
    shutil.rmtree(models / name)
    (models / POINTER).write_text(json.dumps({"in_use": name}))
    with pytest.raises(NoModel, match="is gone"):
        registry.current(models)


def test_the_list_says_which_is_in_use_and_why_another_is_not(models, put):
    put(0)
    put(1, fingerprint="0" * 16)
    put(2)
    put(3, Verdict(passed=False, why="worse than the one in use: 1.600 bits per byte, and 1.500"))
    forge(models / put(4), owner=None)
    registry.promote(models, "20-12")
    newest, worse, aside, otherwise, used = (line for line in call(models).stdout.splitlines() if "2026-11-" in line)
    assert "another release wrote it" in newest
    assert "1.600 bits per byte, and 1.500" in worse
    assert "set aside" in aside
    assert "this code renders" in otherwise
    assert "in use" in used


def test_each_command_does_as_it_says(models, put):
    one, two, three = put(), put(1), put(2)
    assert call(models, "promote", one[5:]).stdout.startswith(f"{one} is in use.")
    assert "from the next message on" in call(models, "promote", two).stdout
    assert call(models, "rollback").stdout.startswith(f"{one} is in use again.")
    assert call(models, "remove", three).stdout == f"removed {three}\n"
    assert call(models, "keep", 1).stdout == "removed 0 models\n"


def forge(folder: Path, **changes: object) -> None:
    card = json.loads((folder / CARD).read_text()) | changes
    (folder / CARD).write_text(json.dumps({key: value for key, value in card.items() if value is not None}))


def test_acceptance_40_a_model_that_learned_from_who_was_forgotten_is_not_put_to_use(models, put):
    one, two = put(people=(7,)), put(1)
    for name in (one, two):
        registry.promote(models, name)
    with pytest.raises(LearnedFromForgotten, match="with 7"):
        registry.promote(models, one, forgotten={7})
    with pytest.raises(NoModel, match="go back"):
        registry.rollback(models, skipped=lambda name, why: None, forgotten={7})
    assert [one.usable for one in registry.listed(models, forgotten={7})] == [True, False]
    with open_store(models.parent / "doppelganger.db") as store:
        store.forgotten.deny(7, [7], FIRST)
    assert "forgotten since" in call(models).output
    with pytest.raises(LearnedFromForgotten):
        call(models, "promote", one)
