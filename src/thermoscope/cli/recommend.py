"""``thermoscope recommend``: the setting for some prompts on a model, with evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thermoscope.cli import options
from thermoscope.cli.settings import TypedSettings, takes_settings
from thermoscope.errors import InputError, Interrupted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from thermoscope.cli.console import PageFile
    from thermoscope.recommending.recommendation import Recommendation


@takes_settings
def recommend(
    use_case: Annotated[str | None, typer.Option(metavar="NAME", help="A use case: its name or a .toml file.")] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Your own prompts: .txt with one in a line, .jsonl, .csv, ...; a third is held out."
        ),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUES",
            help="What may vary: a range temperature=0:1.5, values min_p=off,0.05,0.1; may be given again. "
            "[default: temperature=0:1.5]",
        ),
    ] = None,
    scorer: Annotated[
        str | None,
        typer.Option(
            metavar="HOW", help="exact, regex:PATTERN ({answer} in it), FILE.py:FUNCTION, MODULE:FUNCTION or agreement."
        ),
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="diversity, agreement, score, reference or none. Without one: score if there is a scorer, else the "
            "use case's.",
        ),
    ] = None,
    matters: Annotated[
        str | None,
        typer.Option(metavar="X", help="The smallest difference in the objective that matters. [default: 0.05]"),
    ] = None,
    best_of: Annotated[str | None, typer.Option(metavar="N", help="Score the best of N texts. [default: 1]")] = None,
    bound: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MEASURE=MOST",
            help="The largest mean that is feasible: loop_rate, rep_4, perplexity, tempered_entropy, surprise or "
            "drift; may be given again. Without one: the reference's, or a usual one.",
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Your present setting, to stand beside the pick: a file, model (its generation_config.json), or an "
            "engine (its defaults).",
        ),
    ] = None,
    budget: Annotated[
        str, typer.Option(metavar="AMOUNT", help="What may be spent: '200k tokens', 10m (of generating) or 5usd.")
    ] = "50k tokens",
    max_new_tokens: Annotated[str | None, options.max_new_tokens("the use case's")] = None,
    stop: options.Stop = None,
    run: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Where everything is kept. Without one: in runs/.")
    ] = None,
    model: options.ModelName = None,
    revision: options.Revision = None,
    device: options.Device = None,
    dtype: options.Dtype = None,
    model_option: options.ModelOption = None,
    chat: options.Chat = None,
    system: options.System = None,
    chat_option: options.ChatOption = None,
    base_url: options.BaseUrl = None,
    max_rows: options.MaxRows = None,
    on: options.On = None,
    workers: options.WorkerCount = None,
    gpus_per_worker: options.GpusPerWorker = None,
    embedding_model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Sentence-embedding model, by name or local path.")
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Text by people, in place of the use case's own.")
    ] = None,
    answer_pattern: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="Finds the answer in a text, for agreement.")
    ] = None,
    thinking: options.Thinking = "apart",
    json: options.Json = False,
    output: options.Output = None,
    html: options.Html = None,
    language: options.Language = None,
    *,
    asked: TypedSettings,
) -> None:
    """Recommend a setting for your prompts on your model, with evidence.

    First the range of temperatures in which texts neither loop nor drift, which needs no labels. Inside it the settings
    that no other beats in one objective. Of these the one farthest from a cliff, confirmed on held-out prompts.

    The plan and what it can see are printed before anything is generated. Everything is kept: the same command goes on
    where it was interrupted, and another scorer makes no texts again.
    """
    from thermoscope.cli import console
    from thermoscope.cli.values import finite, stop_words, whole_number
    from thermoscope.metrics.scorers import parse_scorer
    from thermoscope.metrics.thinking import thinking_mode
    from thermoscope.recommending.bounds import given_bounds
    from thermoscope.recommending.budget import budget_of
    from thermoscope.usecases.load import load

    if (use_case is None) == (prompts is None):
        got = "neither" if use_case is None else "both"
        raise InputError(f"give --use-case NAME or --prompts FILE; got {got}")
    page_file = console.check_places(output, html, language)
    case = load(str(use_case or prompts))  # what is wrong is said before the model is loaded
    if scorer not in (None, "agreement"):
        parse_scorer(str(scorer))
    if asked.source == "model":
        raise InputError("--params model stands beside the pick: give --baseline model instead")
    base = asked.settings()
    how: dict[str, Any] = {
        "vary": _vary(vary or []),
        "params": base,
        "objective": objective,
        "scorer": scorer,
        "matters": None if matters is None else finite(matters, "--matters", "0.05"),
        "best_of": whole_number(best_of, "--best-of", least=1) or 1,
        "bounds": given_bounds(bound),
        "baseline": baseline,
        "budget": budget_of(budget).given,
        "max_new_tokens": whole_number(max_new_tokens, "--max-new-tokens", least=1),
        "stop": stop_words(stop),
        "max_rows": whole_number(max_rows, "--max-rows", least=1),
        "folder": run,
        "embedder": embedding_model,
        "reference": reference,
        "answer_pattern": answer_pattern,
        "thinking": thinking_mode(thinking, "--thinking"),
    }
    source_options = options.source_options(
        model, base_url, revision=revision, device=device, dtype=dtype, chat=chat, system=system,
        chat_option=chat_option, model_option=model_option, max_rows=max_rows,
        needs_logits={"--baseline model": baseline == "model", "--objective reference": objective == "reference"},
    )  # fmt: skip
    cluster = options.cluster(on, workers, gpus_per_worker)

    def say_plan(sentences: Sequence[str]) -> None:
        for sentence in sentences:
            console.say(sentence)

    try:
        with console.source_in(source_options, cluster) as source, console.counting() as tell:
            from thermoscope.recommending.recommend import recommend as find

            found = find(
                source, case, **how, on_plan=say_plan, on_range=console.say, on_progress=tell, on_stage=tell,
                on_note=console.say,
            )  # fmt: skip
    except Interrupted as interrupt:
        if interrupt.finished is None:
            console.say("interrupted in the first round: there is no answer yet; the same command goes on")
        else:
            _give(interrupt.finished, json=json, output=output, html=page_file)
            console.say("interrupted: this is the answer so far; the same command goes on")
        raise typer.Exit(130) from None
    _give(found, json=json, output=output, html=page_file)


def _give(found: Recommendation, *, json: bool, output: Path | None, html: PageFile | None) -> None:
    """Print or write the answer, and its page to ``html``."""
    from thermoscope.cli import console

    def printing(to: Console) -> None:
        from thermoscope.report.terminal.recommendation import print_recommendation

        print_recommendation(found, to)

    def page(language: str) -> str | bytes:
        from thermoscope.report.forms import render

        with console.status("drawing"):
            return render(found, "html", language=language)

    console.give(
        found.to_json, printing, as_json=json, output=output, html=html, page=page, found=lambda: found.finding
    )


def _vary(words: Sequence[str]) -> dict[str, Any]:
    """What varies, as ``recommend`` takes it: a range as it is, values as a list.

    Raises
    ------
    InputError
        A word is no ``NAME=VALUES``, or a parameter is given twice.
    """
    from thermoscope.cli.setting_words import values_of
    from thermoscope.words import quoted

    found: dict[str, Any] = {}
    for word in words:
        name, sign, values = word.partition("=")
        name = name.strip().replace("-", "_")
        if not sign:
            raise InputError(f"--vary must be NAME=VALUES; got {quoted(word)}; write --vary min_p=off,0.05,0.1")
        if name in found:
            raise InputError(f"--vary {name} is given twice; write all its values in one: {name}=0.05,0.1")
        found[name] = values if values.count(":") == 1 and "," not in values else values_of(name, values)
    return found
