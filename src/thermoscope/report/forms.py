"""The forms of a result, and who makes each: the one place that lists them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from thermoscope.checks import one_of
from thermoscope.errors import InputError, OutputError
from thermoscope.files.writing import write_whole
from thermoscope.language.saying import ENGLISH, checked_language, speaking
from thermoscope.words import joined

if TYPE_CHECKING:
    from thermoscope.auditing.audit import Audit
    from thermoscope.auditing.text_temperature import TextTemperature
    from thermoscope.comparison.comparison import Comparison
    from thermoscope.comparison.inspected import Inspection, TemperatureInspection
    from thermoscope.ran.provenance import WhatRan
    from thermoscope.recommending.recommendation import Recommendation
    from thermoscope.report.records.schema import Report
    from thermoscope.runs.measured import Measured
    from thermoscope.runs.run import Run
    from thermoscope.spectra.spectrum import Spectrum

    Renderable: TypeAlias = (
        Report
        | Run
        | Measured
        | Comparison
        | Audit
        | TextTemperature
        | Recommendation
        | Inspection
        | TemperatureInspection
        | Spectrum
        | Sequence[Spectrum]
    )

#: Every form, by the ending of its files.
FORMS = ("html", "md", "json", "png", "svg")
#: Forms that a shell does not print, but writes to a file.
FILES = ("html", "png", "svg")
#: Forms with sentences, which are written in any language.
SPOKEN = ("html", "md")
_ENDINGS = {"markdown": "md", "htm": "html"}


def render(thing: Renderable, form: str, *, ran: WhatRan | None = None, language: str = ENGLISH) -> str | bytes:
    """Render a result in one of its forms.

    Parameters
    ----------
    thing
        A ``Report`` (from ``run_report`` or ``comparison_report``), a ``Run`` (from ``run`` or ``open_run``), a
        ``Measured`` (from ``measure_files`` or ``open_measured``), a ``Comparison`` (from ``compare``), an ``Audit``
        (from ``audit``), a ``TextTemperature`` (from ``temperature_of``), a ``Recommendation`` (from ``recommend``), an
        ``Inspection`` or ``TemperatureInspection`` (``inspect``, ``inspect_temperatures``), or a ``Spectrum`` or
        several of one prompt (from ``spectrum``).
    form
        "html": one self-contained page. "json": every record. Of a report, a run, measured texts, a comparison or a
        recommendation also "md" (Markdown); of all but the last "png" or "svg" (its charts on one sheet).
    ran
        What a spectrum was made with, if more is known than the spectrum records. Not used for anything else.
    language
        The language of "html" and "md": "en" or "ko". The other forms are in English.

    Returns
    -------
    str or bytes
        Text; bytes for "png" and "svg".

    Raises
    ------
    InputError
        This kind of result does not have the form or the language, or has no charts to draw; or a run is not complete.
    """
    if checked_language(language) != ENGLISH and form in FORMS and form not in SPOKEN:
        raise InputError(f"{form} is in English; got language {language!r}; leave it out, or write html or md")
    with speaking(language):
        makers = _makers(thing, ran)
        return makers[one_of("form", form, makers)]()


def save(
    thing: Renderable,
    path: str | Path,
    form: str | None = None,
    *,
    ran: WhatRan | None = None,
    language: str = ENGLISH,
) -> None:
    """Render a result into a file, text as UTF-8.

    Parameters
    ----------
    thing, ran, language
        As in ``render``.
    path
        The file; it is replaced if it exists.
    form
        By default that of the file's ending, or "html" where it has none.

    Raises
    ------
    InputError
        The form is unknown, or this kind of result does not have it or the language.
    OutputError
        The file can't be written.
    """
    content = render(thing, form_of(path, form, name="form"), ran=ran, language=language)
    try:
        write_whole(Path(path), content)
    except OSError as error:
        raise OutputError(
            f"the output must be a file that can be written; got {str(path)!r} ({error.strerror}); choose another path"
        ) from None


def form_of(path: str | Path | None, form: str | None = None, *, name: str = "--format") -> str:
    """The form that was asked for by name, or by a file's ending; "html" where neither says.

    Raises
    ------
    InputError
        There is no such form; ``name`` is what the argument or option is called.
    """
    if form is not None:
        return one_of(name, form, FORMS)
    ending = "" if path is None else Path(path).suffix.removeprefix(".").lower()
    ending = _ENDINGS.get(ending, ending)
    if ending and ending not in FORMS:
        listed = ", ".join(f".{each}" for each in FORMS)
        raise InputError(f"the file must end in one of {listed}, or give {name}; got {path}")
    return ending or "html"


def _makers(thing: Any, ran: WhatRan | None) -> Mapping[str, Callable[[], str | bytes]]:
    """What makes each form of a result."""
    from thermoscope.auditing.audit import Audit
    from thermoscope.auditing.text_temperature import TextTemperature
    from thermoscope.comparison.comparison import Comparison
    from thermoscope.comparison.inspected import Inspection, TemperatureInspection
    from thermoscope.recommending.recommendation import Recommendation
    from thermoscope.report.records.schema import Report
    from thermoscope.runs.measured import Measured
    from thermoscope.runs.run import Run
    from thermoscope.spectra.spectrum import Spectrum

    if isinstance(thing, Audit):
        return _of_audit(thing)
    if isinstance(thing, TextTemperature):
        return _of_temperature(thing)
    if isinstance(thing, Recommendation):
        return _of_recommendation(thing)
    if isinstance(thing, Report):
        return _of_report(thing)
    if isinstance(thing, Run | Measured):
        from thermoscope.report.records.build import run_report

        return _of_report(run_report(thing))
    if isinstance(thing, Comparison):
        from thermoscope.report.records.build import comparison_report

        return _of_report(comparison_report(thing)) | {"json": lambda: f"{thing.to_json()}\n"}
    if isinstance(thing, Inspection | TemperatureInspection):
        return _of_inspection(thing)
    spectra = [thing] if isinstance(thing, Spectrum) else thing
    if isinstance(spectra, Sequence) and spectra and all(isinstance(each, Spectrum) for each in spectra):
        return _of_spectra(spectra, ran)
    kinds = joined(
        (
            "a Report",
            "a Run",
            "texts from files (Measured)",
            "a Comparison",
            "an Audit",
            "a TextTemperature",
            "a Recommendation",
            "an inspection",
            "a Spectrum",
            "a list of Spectrum",
        )
    )
    raise InputError(f"what can be rendered is {kinds}; got {type(thing).__name__}")


def _of_report(report: Report) -> dict[str, Callable[[], str | bytes]]:
    def html() -> str:
        from thermoscope.report.page.run import report_page

        return report_page(report)

    def md() -> str:
        from thermoscope.report.markdown import markdown

        return markdown(report)

    def drawn(form: str) -> bytes:
        from thermoscope.report.charts.pictures import picture

        return picture(report, form)

    return {
        "html": html,
        "md": md,
        "json": lambda: f"{report.to_json()}\n",
        "png": lambda: drawn("png"),
        "svg": lambda: drawn("svg"),
    }


def _of_inspection(found: Inspection | TemperatureInspection) -> dict[str, Callable[[], str | bytes]]:
    def html() -> str:
        from thermoscope.report.page.inspection import inspection_page

        return inspection_page(found)

    return {"html": html, "json": lambda: f"{found.to_json()}\n"}


def _of_audit(audit: Audit) -> dict[str, Callable[[], str | bytes]]:
    def html() -> str:
        from thermoscope.report.page.audit import audit_page

        return audit_page(audit)

    return {"html": html, "json": lambda: f"{audit.to_json()}\n"}


def _of_temperature(found: TextTemperature) -> dict[str, Callable[[], str | bytes]]:
    def html() -> str:
        from thermoscope.report.page.text_temperature import text_temperature_page

        return text_temperature_page(found)

    return {"html": html, "json": lambda: f"{found.to_json()}\n"}


def _of_recommendation(found: Recommendation) -> dict[str, Callable[[], str | bytes]]:
    def html() -> str:
        from thermoscope.report.page.recommendation import recommendation_page

        return recommendation_page(found)

    def md() -> str:
        from thermoscope.report.recommendation_markdown import recommendation_markdown

        return recommendation_markdown(found)

    return {"html": html, "md": md, "json": lambda: f"{found.to_json()}\n"}


def _of_spectra(spectra: Sequence[Spectrum], ran: WhatRan | None) -> dict[str, Callable[[], str | bytes]]:
    prompts = {spectrum.prompt for spectrum in spectra}
    if len(prompts) > 1 or len({(spectrum.low, spectrum.high) for spectrum in spectra}) > 1:
        raise InputError("spectra that are rendered together must have one prompt and range; render them one by one")

    def html() -> str:
        from thermoscope.metrics.steps import step_measures
        from thermoscope.ran.of_spectrum import recorded
        from thermoscope.report.page.spectrum import spectrum_page

        return spectrum_page(spectra, step_measures(spectra), recorded(spectra) if ran is None else ran)

    def json() -> str:
        if len(spectra) == 1:
            return f"{spectra[0].to_json()}\n"
        return "[" + ",\n".join(spectrum.to_json() for spectrum in spectra) + "]\n"

    return {"html": html, "json": json}
