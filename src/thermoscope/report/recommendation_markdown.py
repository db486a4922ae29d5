"""A recommendation as Markdown: what one pastes into an issue or a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from thermoscope.language.saying import in_words, say, worded
from thermoscope.recommending.recommendation import Recommendation
from thermoscope.recommending.sentences import in_language
from thermoscope.report.markdown_text import lines, plain
from thermoscope.report.terminal.recommendation import spent_sentence
from thermoscope.words import estimate, short


def recommendation_markdown(found: Recommendation) -> str:
    """The recommendation as Markdown, in the order of the page. Texts are quoted and escaped."""
    return "\n\n".join(part for part in _parts(in_words(in_language(found))) if part) + "\n"


def _parts(found: Recommendation) -> Iterator[str]:
    first, *rest = found.finding
    yield f"# {say('{title} on {model}', title=plain(found.title), model=plain(found.model))}"
    yield f"**{plain(first)}**"
    yield _list(rest)
    if found.next_command:
        yield _code(found.next_command)
    if found.details:
        yield f"## {say('What was found')}"
        yield _list(found.details)
    yield f"## {say('Candidates')}"
    scored = found.kind != "none"
    heads = [say("setting"), say("texts"), say("feasible"), *([found.objective] if scored else []), ""]
    rows = []
    for one in found.candidates:
        state = f"**{say('pick')}**" if one.setting == found.setting else say("in the set") if one.in_set else ""
        value = [estimate(one.objective.value, one.objective.low, one.objective.high)] if scored else []
        rows.append([plain(one.label), str(one.texts), worded(one.feasible), *value, state])
    yield _table(heads, rows)
    if found.confirmed:
        yield f"## {say('On held-out prompts')}"
        yield f"{plain(found.confirmed_on)}."
        rows = []
        for each in found.confirmed:
            ahead = each.difference
            values = [
                short(each.objective.value),
                "" if ahead.value is None else estimate(ahead.value, ahead.low, ahead.high),
            ]
            breaks = ", ".join(f"{name} {short(each.measures[name])}" for name in each.breaks) or say("nothing")
            rows.append(
                [plain(worded(each.name)), plain(str(each.setting)), *(values if scored else []), plain(breaks)]
            )
        yield _table(
            [
                say("whose setting"),
                say("setting"),
                *([found.objective, say("pick ahead by")] if scored else []),
                say("breaks"),
            ],
            rows,
        )
    if found.examples:
        yield f"## {say('Texts')}"
        yield f"{say('Prompt')}: {plain(found.examples[0].prompt, begins=False)}"
        for text in found.examples:
            yield f"**{plain(text.label)}** ({plain(worded(text.where), begins=False)})"
            yield "\n".join(f"> {line}" for line in lines(text.text).split("\n"))
    for title, sentences in (
        (say("What could not be seen"), found.not_seen),
        (say("Notes"), (*found.not_run, *found.notes)),
        (say("Bounds"), found.bounds),
    ):
        if sentences:
            yield f"## {title}"
            yield _list(sentences)
    yield plain(spent_sentence(found))
    yield f"{say('To reproduce, or go on')}:"
    yield _code(found.command)


def _list(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {plain(sentence)}" for sentence in sentences)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    made = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("\n", " ") for cell in row) + " |" for row in made)


def _code(command: str) -> str:
    fence = "`" * max(3, 1 + max((len(run) for run in command.split() if set(run) == {"`"}), default=0))
    return f"{fence}\n{command}\n{fence}"
