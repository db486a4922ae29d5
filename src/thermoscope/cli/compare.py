"""``thermoscope compare``: one prompt at several temperatures, side by side."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thermoscope.cli.settings import Asked, takes_settings
from thermoscope.errors import InputError, Interrupted

if TYPE_CHECKING:
    from rich.console import Console

    from thermoscope.models.base import Model
    from thermoscope.params import SamplingParams

#: Temperatures when none is given: those of the article's first experiment.
DEFAULT_TEMPERATURES = ("0.3", "0.5", "0.9")


@takes_settings
def compare(
    prompt: Annotated[
        str | None,
        typer.Argument(
            metavar="PROMPT",
            help="The prompt; - reads it from standard input, without its last line end. Put -- before a prompt "
            "that begins with a dash.",
        ),
    ] = None,
    temperature: Annotated[
        list[str] | None,
        typer.Option(
            "-t",
            "--temperature",
            metavar="T",
            help="A temperature, a list 0.3,0.9 or a range 0.1:1.5:0.2 (to included); may be given again. "
            "Without one and without --vary or --params: 0.3, 0.5, 0.9.",
        ),
    ] = None,
    experiment: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="One of the article's experiments instead of a prompt: temperature, creative-story, "
            "technical-explanation (200 tokens in all, top_k 50).",
        ),
    ] = None,
    seed: Annotated[
        list[str] | None, typer.Option(metavar="N", help="A seed; may be given again. Without one: 0.")
    ] = None,
    seeds: Annotated[str | None, typer.Option(metavar="N", help="How many seeds, counted up from --seed.")] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUES",
            help="Values of any parameter, as those of -t: top_p=0.8:1:0.05. Given twice, or with several "
            "temperatures: every combination.",
        ),
    ] = None,
    max_new_tokens: Annotated[
        str | None, typer.Option(metavar="N", help="The most new tokens (200 unless given).")
    ] = None,
    max_length: Annotated[
        str | None, typer.Option(metavar="N", help="The most tokens with the prompt counted.")
    ] = None,
    stop: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="A text ends where this begins; may be given again.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A Hugging Face name or a local folder. Without one: the bundled model."),
    ] = None,
    revision: Annotated[str | None, typer.Option(metavar="NAME", help="Branch, tag or commit of the model.")] = None,
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="cpu, cuda, cuda:1. Without one: cuda if there is one.")
    ] = None,
    dtype: Annotated[
        str | None, typer.Option(metavar="TYPE", help="float32 (the default), bfloat16, float16 or auto.")
    ] = None,
    max_rows: Annotated[
        str | None, typer.Option(metavar="N", help="The most rows in flight (from the memory at hand).")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON with every record.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write to a file instead.")
    ] = None,
    no_color: Annotated[
        bool, typer.Option("--no-color", help="No colour and no other control codes (as NO_COLOR).")
    ] = False,
    *,
    asked: Asked,
) -> None:
    """Compare one prompt at several settings under the same noise.

    Marks where texts part, what was said before and loops; measures each text; says what the measures say, and
    what ran.
    """
    from thermoscope.cli import console
    from thermoscope.cli.values import MOST_SEED, MOST_SEEDS, consecutive_seeds, whole

    # all that can be known to be wrong without the model is said before it is loaded
    if output is not None:
        console.check_writable(output)
    first = [whole(word, "--seed", most=MOST_SEED) for word in seed or []]
    numbers = consecutive_seeds(first, whole(seeds, "--seeds", least=1, most=MOST_SEEDS))
    rows = whole(max_rows, "--max-rows", least=1)
    if "" in (stop or []):
        raise InputError("--stop must be a text that is not empty; got ''; leave it out")
    if experiment is not None:
        given = {
            "a prompt": prompt, "-t": temperature, "--vary": vary, "--max-new-tokens": max_new_tokens,
            "--max-length": max_length, "--params": asked.source,
        } | {f"--{name.replace('_', '-')}": word for name, word in asked.words.items()}  # fmt: skip
        text, over, params, lengths = _experiment(experiment, given)
    else:
        over, params = varied_settings(temperature, vary or [], asked)
        lengths = _lengths(max_new_tokens, max_length)
        text = read_prompt(prompt)

    with console.status("loading the libraries and the model"):
        from thermoscope.experiment.compare import compare as run
        from thermoscope.models.load import load_model

        loaded = load_model(model, revision=revision, device=device, dtype=dtype)
    if asked.source == "model":
        over, params = varied_settings(temperature, vary or [], asked, loaded)
    code = 0
    try:
        with console.progress("comparing") as on_progress:
            result = run(
                loaded, text, vary=over, params=params, seeds=numbers, stop=stop or (), max_rows=rows,
                on_progress=on_progress, max_new_tokens=lengths.get("max_new_tokens"),
                max_length=lengths.get("max_length"),
            )  # fmt: skip
    except Interrupted as interrupt:
        result, code = interrupt.finished, 130  # type: ignore[assignment]
        done, wanted = len(result.texts), len(result.settings) * len(result.seeds)
        sys.stderr.write(f"thermoscope: interrupted; {done} of {wanted} texts are finished\n")

    def printing(to: Console) -> None:
        from thermoscope.report.terminal import print_comparison

        print_comparison(result, to)

    console.give(result.to_json(), printing, as_json=json, output=output, no_color=no_color)
    raise typer.Exit(code)


def read_prompt(prompt: str | None) -> str:
    """The prompt as typed or from standard input, where a last line end belongs to the pipe and not to the text."""
    if prompt is None:
        raise InputError('give a prompt, such as "Once upon a time"')
    if prompt == "-":
        try:
            prompt = sys.stdin.buffer.read().decode()
        except UnicodeDecodeError as error:
            raise InputError(
                f"the prompt on standard input must be UTF-8; got {error.object[:20]!r}; convert it"
            ) from None
        prompt = prompt.removesuffix("\n").removesuffix("\r")
    if not prompt:
        raise InputError("a prompt must have at least one token; got an empty one; write a word")
    return prompt


def _lengths(max_new_tokens: str | None, max_length: str | None) -> dict[str, int | None]:
    from thermoscope.cli.values import whole

    if max_new_tokens is not None and max_length is not None:
        raise InputError(
            f"give --max-new-tokens or --max-length, not both; got {max_new_tokens} and {max_length} "
            "(--max-length counts the prompt)"
        )
    return {
        "max_new_tokens": whole(max_new_tokens, "--max-new-tokens", least=1),
        "max_length": whole(max_length, "--max-length", least=1),
    }


def varied_settings(
    temperature: list[str] | None,
    vary: list[str],
    asked: Asked,
    model: Model | None = None,
    usual: Sequence[str] = DEFAULT_TEMPERATURES,
) -> tuple[dict[str, Sequence[Any]], SamplingParams]:
    """What varies, the slowest first, and the other parameters; the ``usual`` temperatures if nothing does."""
    from thermoscope.cli.settings import values_of
    from thermoscope.cli.values import numbers
    from thermoscope.experiment.plan import varied

    params = asked.settings(model)
    over: dict[str, Sequence[Any]] = {}
    for words in vary:
        name, sign, values = words.partition("=")
        name = name.strip().replace("-", "_")
        if not sign:
            raise InputError(f"--vary must be NAME=VALUES; got {words!r}; write --vary top_p=0.8,0.9")
        if name in over:
            raise InputError(f"--vary {name} is given twice; write all its values in one: {name}=0.8,0.9")
        if name in asked.words:
            raise InputError(f"--vary {name} and --{name.replace('_', '-')} contradict each other; leave one out")
        over[name] = values_of(name, values)
    if temperature is not None:
        if "temperature" in over:
            raise InputError("-t and --vary temperature contradict each other; leave one out")
        temperatures = numbers(temperature, "temperature")
        if over and len(temperatures) == 1:
            params = params.replace(temperature=temperatures[0])
        else:
            over = {"temperature": temperatures, **over}
    elif not over:
        from_source = asked.source is not None  # which says what the temperature is
        over = {"temperature": [params.temperature] if from_source else numbers(usual, "temperature")}
    varied(over, params)
    return over, params


def _experiment(
    name: str, given: dict[str, Any]
) -> tuple[str, dict[str, Sequence[Any]], SamplingParams, dict[str, int | None]]:
    """Prompt, temperatures, other parameters and length of one of the article's experiments."""
    from thermoscope.experiment.article import EXPERIMENTS
    from thermoscope.params import SamplingParams

    if name not in EXPERIMENTS:
        raise InputError(f"--experiment must be one of {', '.join(EXPERIMENTS)}; got {name!r}")
    extra = [option for option, value in given.items() if value is not None]
    if extra:
        raise InputError(f"--experiment {name} fixes the prompt and the settings; leave {extra[0]} out")
    chosen = EXPERIMENTS[name]
    lengths: dict[str, int | None] = {"max_length": chosen.max_length}
    return chosen.prompt, {"temperature": chosen.temperatures}, SamplingParams(top_k=chosen.top_k), lengths
