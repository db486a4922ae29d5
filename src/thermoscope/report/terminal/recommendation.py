"""A recommendation on a terminal: the setting, the range and why, what could not be seen; then the rest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from thermoscope.escape import escape
from thermoscope.language.saying import say
from thermoscope.report.terminal.bullets import bullets
from thermoscope.words import estimate, short

if TYPE_CHECKING:
    from rich.console import Console

    from thermoscope.recommending.recommendation import Recommendation


def print_recommendation(found: Recommendation, to: Console) -> None:
    """The three sentences, then what else was found, candidates, held-out prompts, cost and the next command."""
    first, *rest = found.finding
    to.print(Text(escape(first), style="bold"))
    for sentence in rest:
        to.print(Text(escape(sentence)))
    _part(to, "Found", found.details)
    if found.candidates:
        to.print()
        to.print(Text("Candidates", style="bold"))
        to.print(_candidates(found), highlight=False)
    if found.confirmed:
        to.print()
        to.print(Text(f"On {found.confirmed_on}", style="bold"))
        to.print(_confirmed(found), highlight=False)
        sources = [f"{one.name}: {one.source}" for one in found.confirmed if one.source]
        if sources:
            to.print(bullets(map(escape, sources)))
    _part(to, "Not seen", found.not_seen)
    _part(to, "Notes", (*found.not_run, *found.notes, *(f"Bound: {bound}." for bound in found.bounds)))
    to.print()
    to.print(Text(escape(spent_sentence(found))))
    to.print()
    to.print(Text("To reproduce, or go on", style="bold"))
    to.print(Text(escape(found.command)), soft_wrap=True)
    if found.next_command:
        to.print(Text("Next", style="bold"))
        to.print(Text(escape(found.next_command)), soft_wrap=True)


def spent_sentence(found: Recommendation) -> str:
    """What it cost."""
    spent = found.spent
    cost = f", {spent.cost} usd" if spent.cost else ""
    return say(
        "{tokens:,} of {budget:,} tokens, {texts:,} texts in {runs} runs{cost}; kept in {folder}.",
        tokens=spent.tokens, budget=spent.budget_tokens, texts=spent.texts, runs=len(found.rounds), cost=cost,
        folder=found.folder,
    )  # fmt: skip


def _part(to: Console, title: str, sentences: Iterable[str]) -> None:
    listed = [escape(sentence) for sentence in sentences]
    if listed:
        to.print()
        to.print(Text(title, style="bold"))
        to.print(bullets(listed), highlight=False)


def _candidates(found: Recommendation) -> Table:
    table = _table(["setting", "texts", "feasible", *([found.objective] if found.kind != "none" else []), ""])
    for one in found.candidates:
        sign = "pick" if one.setting == found.setting else "in the set" if one.in_set else ""
        value = [estimate(one.objective.value, one.objective.low, one.objective.high)] if found.kind != "none" else []
        table.add_row(escape(one.label), str(one.texts), one.feasible, *value, sign)
    return table


def _confirmed(found: Recommendation) -> Table:
    scored = found.kind != "none"
    table = _table(["setting", *([found.objective, "pick ahead by"] if scored else []), "breaks"])
    for one in found.confirmed:
        values = []
        if scored:
            difference = one.difference
            values = [
                short(one.objective.value),
                "" if difference.value is None else estimate(difference.value, difference.low, difference.high),
            ]
        breaks = ", ".join(f"{name} {short(one.measures[name])}" for name in one.breaks)
        table.add_row(escape(one.name), *values, breaks or "nothing")
    return table


def _table(heads: list[str]) -> Table:
    made = Table(box=None, padding=(0, 1), pad_edge=False, show_edge=False)
    for head in heads:
        made.add_column(head, overflow="fold")
    return made
