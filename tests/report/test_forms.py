"""Every form of every kind of result, in one place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import thermoscope
from tests.comparison.test_evidence import two_orders
from tests.fakes import FakeModel
from tests.handmade import comparison, sample
from tests.report import made
from thermoscope.comparison.comparison import Comparison
from thermoscope.errors import InputError, OutputError
from thermoscope.report.forms import FILES, FORMS, form_of, render, save
from thermoscope.spectra.explore import spectrum
from thermoscope.spectra.spectrum import Spectrum

BEGINS = {"html": "<!doctype html>", "md": "# ", "json": "{", "svg": "<svg", "png": "\x89PNG"}


def two() -> Comparison:
    return comparison(
        *(
            sample(["a", " b", " c", " d", f" {seed}"], temperature=t, seed=seed, logprob=-t)
            for t in (0.2, 0.9)
            for seed in (0, 1)
        ),
        seeds=(0, 1),
    )


@pytest.fixture(scope="module")
def spectra() -> list[Spectrum]:
    return spectrum(FakeModel(), "a prompt", temperature=(0.2, 1.0), seeds=(0, 1), max_new_tokens=3)


def begins(content: str | bytes) -> str:
    return content[:20].decode("latin-1") if isinstance(content, bytes) else content[:20]


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("thing", [made.report(prompts=1, seeds=1), two()], ids=["report", "comparison"])
def test_reports_and_comparisons_have_every_form(form: str, thing: Any) -> None:
    content = render(thing, form)
    assert isinstance(content, bytes) is (form in ("png", "svg"))
    assert begins(content).startswith(BEGINS[form])


def test_json_is_that_of_the_thing_itself(spectra: list[Spectrum]) -> None:
    assert json.loads(render(two(), "json")) == json.loads(two().to_json())
    assert json.loads(render(made.bare(), "json")) == json.loads(made.bare().to_json())
    assert Spectrum.from_json(render(spectra[0], "json")) == spectra[0]
    assert [record["seed"] for record in json.loads(render(spectra, "json"))] == [0, 1]


def test_a_spectrum_or_several_of_one_prompt_have_a_page(spectra: list[Spectrum]) -> None:
    one, both = render(spectra[0], "html"), render(spectra, "html")
    assert isinstance(one, str) and isinstance(both, str)
    assert one.startswith("<!doctype html>") and "thermoscope spectrum --low 0.2" in one
    assert 'id="seed"' in both and 'id="seed"' not in one
    assert "versions" not in one  # a spectrum does not know them


@pytest.mark.parametrize("form", ["md", "png", "svg", "pdf", ""])
def test_a_form_that_is_not_there_names_those_that_are(form: str, spectra: list[Spectrum]) -> None:
    with pytest.raises(InputError, match=f"form must be one of html, json; got '{form}'"):
        render(spectra, form)


@pytest.mark.parametrize("thing", [None, [], "report", 7, [made.bare()]])
def test_what_cannot_be_rendered(thing: Any) -> None:
    with pytest.raises(
        InputError,
        match=r"texts from files \(Measured\), a Comparison, an Audit, a TextTemperature, a Recommendation",
    ):
        render(thing, "html")


def test_spectra_of_two_prompts_are_not_one_page(spectra: list[Spectrum]) -> None:
    (other,) = spectrum(FakeModel(), "another", temperature=(0.2, 1.0), seeds=[0], max_new_tokens=3)
    with pytest.raises(InputError, match="must have one prompt and range"):
        render([spectra[0], other], "html")


def test_a_report_without_charts_is_no_picture() -> None:
    with pytest.raises(InputError, match="no charts; write it as html or md"):
        render(made.bare(), "png")


def test_saving_goes_by_the_files_ending(tmp_path: Path) -> None:
    for name, form in (("a.html", "html"), ("a.htm", "html"), ("a.MD", "md"), ("a", "html"), ("a.json", "json")):
        save(made.bare(), tmp_path / name)
        assert (tmp_path / name).read_text(encoding="utf-8") == render(made.bare(), form)
    thermoscope.save(made.bare(), str(tmp_path / "a.txt"), "md")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8").startswith("# bare")
    with pytest.raises(InputError, match=r"must end in one of \.html, \.md, .*, or give form; got .*a\.doc"):
        save(made.bare(), tmp_path / "a.doc")
    assert not (tmp_path / "a.doc").exists()
    with pytest.raises(OutputError, match="must be a file that can be written"):
        save(made.bare(), tmp_path / "no" / "a.html")


def test_the_form_asked_for_goes_before_the_ending() -> None:
    assert form_of("a.html", "md") == "md"
    assert form_of(None) == "html"
    with pytest.raises(InputError, match="--format must be one of html, md, json, png, svg; got 'doc'"):
        form_of("a.html", "doc")
    assert set(FILES) < set(FORMS)


def test_texts_are_shown_with_their_own_setting() -> None:
    found = two_orders()
    page = render(found, "html")
    assert isinstance(page, str)
    data = json.loads(page.split('<script id="data" type="application/json">')[1].split("</script>")[0])
    shown = {(data["settings"][text[1]], text[2]): "".join(text[6::2]) for text in data["texts"]}
    assert shown == {
        (name, seed): text
        for name, text in (("order=transformers", "one two"), ("order=llama.cpp", "six ten"))
        for seed in (0, 1)
    }
