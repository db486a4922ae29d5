"""An inspection as one self-contained page: probabilities as bars, one column per stage or temperature."""

from __future__ import annotations

from thermoscope.comparison.inspected import Inspection, TemperatureInspection
from thermoscope.escape import escape
from thermoscope.ran.facts import facts
from thermoscope.report.charts.drawing import DARK, LIGHT
from thermoscope.report.distributions import columns, drawn_sentences, percent, token_name
from thermoscope.report.page.pages import render
from thermoscope.words import short


def inspection_page(found: Inspection | TemperatureInspection) -> str:
    """The page of one distribution, stage by stage or at several temperatures; all bars have one scale."""
    shown = columns(found)
    most = max(p for token in found.tokens for p in token.probabilities) or 1.0
    rows = [
        {
            "rank": token.rank,
            "token": escape(token_name(token), keep=""),
            "cells": [
                {"share": percent(p), "width": f"{100 * p / most:.2f}", "drawn": column.drawn == token.token_id}
                for p, column in zip(token.probabilities, shown, strict=True)
            ],
        }
        for token in found.tokens
    ]
    several = isinstance(found, TemperatureInspection)
    return render(
        "inspection.html.j2",
        several=several,
        found=found,
        prompt=escape(found.prompt),
        text=escape(found.text),
        setting=str(found.params),
        columns=[
            {
                "name": column.name,
                "does": column.does,
                "survivors": f"{column.survivors:,}",
                "entropy": short(column.entropy_nats),
                "removed": "" if column.removed_mass is None else percent(column.removed_mass),
            }
            for column in shown
        ],
        rows=rows,
        said=[escape(sentence, keep="") for sentence in drawn_sentences(found)],
        ran=facts(found.ran),
        command=found.ran.command,
        colours={"light": LIGHT["c0"], "dark": DARK["c0"]},
    )
