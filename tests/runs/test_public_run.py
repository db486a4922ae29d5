"""``thermoscope.run``, ``open_run`` and ``Run``: what the command line has, in Python."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

import thermoscope
from tests.fakes import FakeModel
from tests.runs.killed import CASE, PROMPTS, case
from thermoscope import Progress, Run, SamplingParams, open_run, run
from thermoscope.errors import InputError, Interrupted, PromptError, RunError
from thermoscope.runs import command as commands
from thermoscope.runs.measuring import measuring_of
from thermoscope.runs.plan import plan_run
from thermoscope.sources.local import LocalSource

HOT = {"temperature": [0.3, 0.9]}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a use case: some prompts open, one held out, one with an answer."""
    monkeypatch.chdir(tmp_path)
    held_out = '[[prompts]]\ntext = "Later"\nheld_out = true\nanswer = "x"\n'
    (tmp_path / "small.toml").write_text(CASE + held_out)
    return tmp_path


def made(**how: object) -> Run:
    """A small run of the use case of ``here``."""
    given = {"settings": HOT, "seeds": range(2), "max_new_tokens": 6, "folder": "kept"} | how
    return run(given.pop("model", FakeModel()), given.pop("use_case", "small.toml"), **given)  # type: ignore[arg-type]


def test_a_run_has_what_the_folder_has(here: Path) -> None:
    done = made()
    assert done.complete and done.folder == Path("kept")
    assert done.plan.prompts == PROMPTS
    assert [setting.temperature for setting in done.settings] == [0.3, 0.9]
    texts = done.texts()
    assert texts.num_rows == 6 * 2 * 2 == done.measures().num_rows == done.manifest["texts"]
    assert texts["text_id"].to_pylist() == list(range(24))
    assert done.tokens().num_rows == sum(texts["tokens"].to_pylist()) == done.manifest["tokens"]
    assert done.groups().num_rows == 6 * 2
    means = done.summary().filter(pa.compute.equal(done.summary()["measure"], "entropy"))
    assert means["temperature"].to_pylist() == [0.3, 0.9]
    assert set(done.differences()["measure"].to_pylist()) == set(done.summary()["measure"].to_pylist())
    assert [claim["name"] for claim in done.claims]
    opened = open_run(str(here / "kept"))
    assert opened.plan == done.plan and opened.manifest == done.manifest and opened.texts().equals(texts)
    assert repr(opened).endswith("kept', prompts=6, settings=2, seeds=2)")


@contextmanager
def opened(events: list[str]) -> Iterator[LocalSource]:
    events.append("opened")
    try:
        yield LocalSource(FakeModel())
    finally:
        events.append("closed")


def test_a_source_is_opened_once_and_closed_and_may_say_the_settings(here: Path) -> None:
    events: list[str] = []
    done = made(model=opened(events), settings=lambda source: SamplingParams(temperature=len(source.name) / 10))
    assert events == ["opened", "closed"]
    assert [setting.temperature for setting in done.settings] == [len(LocalSource(FakeModel()).name) / 10]


def test_a_source_is_closed_where_the_plan_is_refused(here: Path) -> None:
    events: list[str] = []
    with pytest.raises(InputError, match="seed"):
        made(model=opened(events), seeds=[1, 1])
    assert events == ["opened", "closed"]


def test_a_model_that_is_a_context_manager_is_the_callers_to_close(here: Path) -> None:
    class Managed(FakeModel):
        def __enter__(self) -> None:
            raise AssertionError("it is open already")

        def __exit__(self, *_: object) -> None:
            raise AssertionError("it is not ours to close")

    assert made(model=Managed()).complete


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"prompts": ["a", "a"]}, "each prompt may be given once"),
        ({"use_case": "no-such-case"}, "no-such-case"),
        ({"prompts": []}, "prompts must not be empty"),
        ({"scorer": "exact:x"}, "--score must be"),
        ({"answer_pattern": "("}, "must be a regular expression"),
        ({"reference": "missing.txt"}, "missing.txt"),
        ({"thinking": "loud"}, "thinking"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_opened(here: Path, wrong: dict[str, object], words: str) -> None:
    events: list[str] = []
    with pytest.raises(InputError, match=re.escape(words)):
        made(**{"model": opened(events), **wrong})
    assert not events


def test_the_default_folder_is_named_after_the_use_case_and_the_plan(here: Path) -> None:
    done = made(folder=None)
    assert done.folder == Path("runs") / f"small-{done.plan.id}"


@pytest.mark.parametrize(
    "settings",
    [
        SamplingParams(temperature=0.4),
        [SamplingParams(temperature=0.4)],
        (SamplingParams(temperature=t) for t in [0.4]),
        {"temperature": [0.4]},
    ],
)
def test_settings_in_any_form(here: Path, settings: object) -> None:
    assert [setting.temperature for setting in made(settings=settings).settings] == [0.4]


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"settings": []}, "settings must not be empty"),
        ({"settings": [SamplingParams(), SamplingParams(order="vllm")]}, "settings must differ"),
        ({"settings": {"temperatur": [1]}}, r"can't vary 'temperatur' \(did you mean 'temperature'\?\)"),
        ({"settings": "hot"}, "settings must be SamplingParams"),
        ({"seeds": [3, 3]}, "each seed may be given once; got 3 twice"),
        ({"prompts": []}, "prompts must not be empty"),
        ({"prompts": ["a", "b", "a"]}, "each prompt may be given once; got 'a' twice"),
        ({"prompts": ["a"], "held_out": True}, "prompts or held_out=True, not both"),
        ({"max_rows": -3}, "max_rows must be a whole number of at least 1; got -3"),
        ({"max_new_tokens": 0}, "max_new_tokens must be a whole number of at least 1; got 0"),
        ({"scorer": 5}, "scorer must be a function"),
        ({"scorer": "exactly"}, "got 'exactly'"),
        (
            {"scorer": "exact", "use_case": case()},
            "the scorer exact compares with expected answers; no prompt of small",
        ),
        ({"answer_pattern": "("}, "a pattern must be a regular expression"),
        ({"use_case": "nothing"}, "a use case must be one of"),
    ],
)
def test_bad_input_is_one_line_and_makes_no_folder(here: Path, how: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says) as told:
        made(**how)
    assert "\n" not in str(told.value)
    assert not (here / "kept").exists()


def test_prompts_must_be_text(here: Path) -> None:
    with pytest.raises(PromptError, match="a prompt must be a string; got int"):
        made(prompts=[5])


def test_no_prompt_is_held_out(here: Path) -> None:
    with pytest.raises(InputError, match="no prompt is held out"):
        made(use_case=case(), held_out=True)
    assert made(held_out=True).plan.prompts == ("Later",)


def test_one_number_is_how_many_seeds(here: Path) -> None:
    assert made(seeds=3).plan.seeds == (0, 1, 2)
    assert made(seeds=[8], folder="other").plan.seeds == (8,)
    assert plan_run(LocalSource(FakeModel()), case(), SamplingParams()).seeds == tuple(range(8))


def test_an_interrupted_run_is_opened_and_resumed(here: Path) -> None:
    def interrupt(state: Progress) -> None:
        if state.finished > 5:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as stopped:
        made(on_progress=interrupt, scorer="regex:e")
    half = open_run("kept")
    assert stopped.value.finished.folder == half.folder
    assert not half.complete and half.texts().num_rows == 4 and "4 of 24 texts" in repr(half)
    assert half.command.startswith("thermoscope measure --use-case small.toml") and "--score=regex:e" in half.command
    for table in (
        half.measures,
        half.groups,
        half.summary,
        half.differences,
        lambda: half.claims,
        lambda: half.manifest,
    ):
        with pytest.raises(RunError, match="kept is not complete; to go on where it was: thermoscope measure"):
            table()
    assert "not complete" in half._repr_html_() and "4 texts" in half._repr_html_()
    model = FakeModel()
    whole = half.resume(model)
    assert whole.complete and half.complete
    assert {bytes(context) for context in model.added} == {prompt.encode() for prompt in PROMPTS[1:]}
    assert set(whole.measures()["score"].to_pylist()) <= {0.0, 1.0}  # by the scorer that the run was begun with


def test_a_run_of_nothing_yet_has_empty_tables(here: Path) -> None:
    def interrupt(state: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        made(on_progress=interrupt)
    none = open_run("kept")
    assert none.texts().num_rows == none.tokens().num_rows == 0
    assert none.resume(FakeModel()).texts().schema == none.texts().schema


def test_a_complete_run_is_not_made_again(here: Path) -> None:
    done = made()
    before = {path: path.stat().st_mtime_ns for path in done.folder.rglob("*.*") if path.name != ".lock"}
    assert done.resume() is done  # without even loading the model
    model = FakeModel()
    made(model=model)
    assert model.added == []
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert done.resume(model, scorer=lambda text, answer: len(text)).measures()["score"].null_count == 0
    assert model.added == []


def test_another_model_does_not_resume_a_run(here: Path) -> None:
    done, other = made(), FakeModel()
    other.revision = "2"
    with pytest.raises(RunError, match="holds a run with other revision"):
        done.resume(other, scorer="exact")


def test_an_object_that_is_not_stored_must_be_given_again(here: Path) -> None:
    done = made(scorer=lambda text, answer: 1.0)
    assert any("scorer was given as a Python object" in note for note in done.manifest["notes"])
    with pytest.raises(RunError, match=r"was begun with a Python object as scorer.* give scorer="):
        done.resume(FakeModel(), answer_pattern="x")
    assert done.resume(FakeModel(), scorer="regex:e").complete


def test_an_order_of_stages_that_are_off_is_the_same_run(here: Path) -> None:
    first, model = made(settings=SamplingParams(temperature=0.5)), FakeModel()
    again = made(model=model, settings=SamplingParams(temperature=0.5, order="vllm"))
    assert (again.plan, again.plan.id, model.added) == (first.plan, first.plan.id, [])
    assert made(settings=SamplingParams(temperature=0.5, order="vllm"), folder=None).folder.name.endswith(first.plan.id)


def test_what_no_option_says_is_a_python_command(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = [SamplingParams(temperature=0.5, top_k=3), SamplingParams(temperature=0.9, order="llama.cpp", min_p=0.1)]
    done = made(settings=settings, prompts=['It\'s "so"\n'], scorer="regex:e", stop=["!"])
    python, option, code = shlex.split(done.command.replace("$'", "'"))[:3]
    assert (python, option) == ("python", "-c")
    called: dict[str, object] = {}

    def caught(*args: object, **how: object) -> None:
        called.update(how, args=args)

    monkeypatch.setattr(thermoscope, "run", caught)
    monkeypatch.setattr(thermoscope, "open_source", lambda name, **how: (name, how))
    exec(commands._python(done.plan, done._store, measuring_of(case(), scorer="regex:e")), {})
    assert called["args"][1:] == ("small.toml", settings)  # type: ignore[index]
    assert called["args"][0] == ("fake", {"revision": "1", "device": "cpu", "dtype": "float32"})  # type: ignore[index]
    assert (called["prompts"], called["seeds"], called["scorer"]) == (['It\'s "so"\n'], [0, 1], "regex:e")
    assert (called["stop"], called["folder"], called["max_new_tokens"]) == (["!"], "kept", 6)
    compile(code, "command", "exec")


def test_reports_take_a_run(here: Path) -> None:
    done = made()
    report = thermoscope.run_report(done)
    assert thermoscope.render(done, "json") == thermoscope.render(report, "json")
    assert report.to_json() == thermoscope.run_report("kept").to_json()
    thermoscope.save(done, here / "run.md")
    assert (here / "run.md").read_text() == thermoscope.render(report, "md")


def test_a_notebook_shows_means_and_claims(here: Path) -> None:
    shown = made(use_case="small.toml")._repr_html_()
    assert "T=0.3" in shown and "T=0.9" in shown and " to " in shown
    assert "not tested" in shown or "inconclusive" in shown or "holds" in shown
    assert "can't be told" not in shown and "<script" not in shown


def test_to_pandas(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = made()
    with pytest.raises(InputError, match=r"a table must be one of texts, tokens, .*; got 'words'"):
        done.to_pandas("words")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match="pandas, which is not installed; run pip install pandas"):
        done.to_pandas("summary")


def test_to_pandas_has_the_columns_of_the_table(here: Path) -> None:
    pytest.importorskip("pandas")
    done = made()
    frame, table = done.to_pandas("groups"), done.groups()
    assert list(frame.columns) == table.column_names
    assert frame["texts"].tolist() == table["texts"].to_pylist()
    assert frame["distinct_2"].tolist() == table["distinct_2"].to_pylist()


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="with plan"):
        open_run(tmp_path)


def test_the_plan_is_told_before_anything_is_generated_and_only_then(here: Path) -> None:
    told: list[tuple[int, int]] = []
    model = FakeModel()
    for _ in range(2):
        made(model=model, on_plan=lambda plan: told.append((plan.texts, len(model.added))))
    assert told == [(24, 0)]
    assert any("6 prompts x 2 seeds" in sentence for sentence in open_run("kept").plan.foresight)


def test_a_reference_by_people(here: Path) -> None:
    (here / "short.txt").write_text("a few words")
    with pytest.raises(InputError, match="a reference must have at least 16 windows of 200 words; got 0"):
        made(reference="short.txt")
    with pytest.raises(InputError, match=r"none\.txt: there is no such file or folder"):
        made(reference="none.txt")
    assert not (here / "kept").exists()
    passages = [" ".join(f"w{i}{j}" for j in range(200)) for i in range(16)]
    (here / "people.txt").write_text("# Source: sixteen passages\n" + "\n* * *\n".join(passages))
    done = made(reference=Path("people.txt"))
    assert done.manifest["measuring"]["reference"]["source"] == "sixteen passages"
    assert "--reference=people.txt" in done.command
    assert "reference_distance" in done.summary()["measure"].to_pylist()
    (here / "kept" / "claims.json").unlink()  # measured again, with the reference that it was begun with
    assert made(reference="people.txt").manifest["measuring"] == done.manifest["measuring"]


@pytest.mark.parametrize("folder", [5, None, b"kept"])
def test_a_folder_must_be_a_path(folder: object) -> None:
    with pytest.raises(InputError, match="a run's folder must be a path"):
        open_run(folder)  # type: ignore[arg-type]
