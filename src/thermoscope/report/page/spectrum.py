"""Spectra as one self-contained page: a slider over temperature, the axis of forks, and measures as steps.

Charts are plain SVG paths written here: a step function is a path of horizontal and vertical lines, which takes a few
kilobytes where a chart library's runtime would take most of a megabyte, and the cursor of the slider goes through all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from thermoscope.escape import escape
from thermoscope.language.saying import say, worded
from thermoscope.metrics.registry import MEASURES
from thermoscope.metrics.steps import BAND, StepFunction, StepMeasures
from thermoscope.ran.facts import facts
from thermoscope.ran.provenance import WhatRan
from thermoscope.report.charts.drawing import DARK, LIGHT, steps
from thermoscope.report.charts.figures import titled
from thermoscope.report.forks import reason, sentence
from thermoscope.report.page.pages import render
from thermoscope.spectra.leaf import Leaf
from thermoscope.spectra.spectrum import Spectrum
from thermoscope.words import ending, short

#: The temperature at which the page begins, if it is in the range.
_START = 0.7


def spectrum_page(spectra: Sequence[Spectrum], measures: StepMeasures, ran: WhatRan) -> str:
    """The page of the spectra of one prompt, one seed each.

    Parameters
    ----------
    spectra
        At least one; all of one prompt and range.
    measures
        Their measures over temperature.
    ran
        What they were made with.
    """
    first = spectra[0]
    pieces: dict[str, int] = {}
    charts = [chart for function in measures.functions.values() if (chart := _chart(function, measures.borders))]
    moving = [chart["name"] for chart in charts if not chart["constant"]]
    data = {
        "range": [first.low, first.high],
        "prompt": escape(first.prompt),
        "spectra": [_spectrum(spectrum, pieces) for spectrum in spectra],
        "pieces": list(pieces),
        "borders": list(measures.borders),
        "charts": [[_short(value) for value in measures.functions[name].mean] for name in moving],
    }
    many = len(spectra) > 1
    low, high = (f"{100 * share:.0f}" for share in BAND)
    note = say("Exact step functions for this seed, without a grid. Several seeds (--seeds) give means and bands.")
    if many:
        note = say(
            "Exact step functions, computed without a grid. Lines are means over {n} seeds; the band spans their "
            "{low}th to {high}th percentiles. Measures of all seeds' texts together have no band.",
            n=len(spectra), low=low, high=high,
        )  # fmt: skip
    return render(
        "spectrum.html.j2",
        prompt=escape(first.prompt),
        spectra=spectra,
        low=f"{first.low:g}",
        high=f"{first.high:g}",
        ticks=[(f"{t:g}", f"{100 * (t - first.low) / (first.high - first.low):.3f}") for t in _ticks(first)],
        low_exact=repr(first.low),
        high_exact=repr(first.high),
        start=repr(_START if first.low <= _START <= first.high else (first.low + first.high) / 2),
        charts=[chart for chart in charts if not chart["constant"]],
        constant=[chart["constant"] for chart in charts if chart["constant"]],
        measures_note=note,
        ran=facts(ran),
        command=ran.command,
        data=data,
        colours={"light": LIGHT["c0"], "dark": DARK["c0"]},
    )


def _ticks(spectrum: Spectrum) -> list[float]:
    """Temperatures that are written below the axis; none where there is only one."""
    return steps(spectrum.low, spectrum.high, most=8) if spectrum.high > spectrum.low else []


def _spectrum(spectrum: Spectrum, pieces: dict[str, int]) -> dict[str, Any]:
    """What the page's script needs of a spectrum; ``pieces`` collects the texts of tokens, each once."""
    nodes = spectrum.nodes
    return {
        "seed": str(spectrum.seed),  # 64 bits are more than a script's numbers hold
        "exact_share": spectrum.exact_share,
        "leaves": [_leaf(leaf, pieces) for leaf in spectrum.leaves],
        "nodes": {
            name: [_short(getattr(node, name)) for node in nodes]
            for name in ("low", "high", "logprob", "rank", "entropy", "logit", "noise")
        },
        "forks": [
            {"at": fork.temperature, "sentence": sentence(fork, spectrum), "reason": reason(fork)}
            for fork in spectrum.forks
        ],
    }


def _leaf(leaf: Leaf, pieces: dict[str, int]) -> dict[str, Any]:
    starts = (0, *leaf.text_ends)
    texts = (escape(leaf.text[a:b]) for a, b in zip(starts, leaf.text_ends, strict=False))
    return {
        "low": leaf.low,
        "high": leaf.high,
        "exact_low": leaf.exact_low,
        "exact_high": leaf.exact_high,
        "ending": ending(leaf.finish_reason, leaf.text),
        "nodes": list(leaf.path),
        "pieces": [pieces.setdefault(text, len(pieces)) for text in texts],
    }


def _short(value: float | None) -> float | None:
    """A number with the digits that are looked at."""
    return None if value is None else float(f"{value:.6g}")


def _chart(function: StepFunction, borders: Sequence[float]) -> dict[str, Any] | None:
    """A step function as paths in a box of 1000 x 100; None if it is known nowhere."""
    known = [v for values in (function.mean, function.low, function.high) for v in values if v is not None]
    if not known:
        return None
    least, most = min(known), max(known)
    logarithmic = MEASURES[function.name].scale == "log" and least > 0
    bottom, top = (math.log(least), math.log(most)) if logarithmic else (least, most)

    def y(value: float) -> float:
        height = math.log(value) if logarithmic else value
        return 96 - 92 * (height - bottom) / ((top - bottom) or 1.0)

    xs = [1000 * (border - borders[0]) / (borders[-1] - borders[0]) for border in borders]
    mean = _steps(xs, [None if v is None else y(v) for v in function.mean])
    band = " ".join(
        f"M{xs[i]:.2f} {y(low):.2f}V{y(high):.2f}H{xs[i + 1]:.2f}V{y(low):.2f}Z"
        for i, (low, high) in enumerate(zip(function.low, function.high, strict=True))
        if low is not None and high is not None
    )
    measure = MEASURES[function.name]
    same = least == most and all(value is not None for value in function.mean)
    return {
        "name": function.name,
        "unit": "" if measure.unit == function.name else worded(measure.unit),
        "scale": say(", log scale") if logarithmic else "",
        "meaning": worded(measure.meaning),
        "direction": worded(measure.direction),
        "least": short(least),
        "most": short(most),
        "constant": say(
            "{measure}: {value} at every temperature.",
            measure=titled(function.name, worded(measure.unit)),
            value=short(least),
        )
        if same
        else "",
        "mean": mean,
        "band": band,
    }


def _steps(xs: Sequence[float], ys: Sequence[float | None]) -> str:
    """The path of a step function; where it is unknown there is a gap."""
    path, drawing = [], False
    for i, y in enumerate(ys):
        if y is None:
            drawing = False
            continue
        path.append(f"V{y:.2f}H{xs[i + 1]:.2f}" if drawing else f"M{xs[i]:.2f} {y:.2f}H{xs[i + 1]:.2f}")
        drawing = True
    return "".join(path)
