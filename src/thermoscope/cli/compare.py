"""``thermoscope compare``: one prompt at several temperatures, side by side."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thermoscope.errors import InputError, Interrupted, OutputError

if TYPE_CHECKING:
    from rich.console import Console

    from thermoscope.experiment.comparison import Comparison
    from thermoscope.params import SamplingParams

#: Temperatures when none is given: those of the article's first experiment.
DEFAULT_TEMPERATURES = ("0.3", "0.5", "0.9")


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
            "Without one: 0.3, 0.5, 0.9.",
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
    top_k: Annotated[str | None, typer.Option(metavar="K", help="Keep the K most probable tokens.")] = None,
    top_p: Annotated[
        str | None, typer.Option(metavar="P", help="Keep the most probable tokens whose mass reaches P.")
    ] = None,
    min_p: Annotated[
        str | None, typer.Option(metavar="P", help="Keep tokens with at least P times the largest probability.")
    ] = None,
    order: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES", help="Order of the stages: transformers (the default), llama.cpp, or a list a,b,c."
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
) -> None:
    """Compare one prompt at several temperatures, under the same noise.

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
            "a prompt": prompt, "-t": temperature, "--top-k": top_k, "--top-p": top_p, "--min-p": min_p,
            "--order": order, "--max-new-tokens": max_new_tokens, "--max-length": max_length,
        }  # fmt: skip
        text, temperatures, params, lengths = _experiment(experiment, given)
    else:
        temperatures, params = settings_from(temperature, top_k, top_p, min_p, order)
        lengths = _lengths(max_new_tokens, max_length)
        text = _prompt(prompt)

    with console.status("loading the libraries and the model"):
        from thermoscope.experiment.compare import compare as run
        from thermoscope.models.load import load_model

        loaded = load_model(model, revision=revision, device=device, dtype=dtype)
    code = 0
    try:
        with console.progress("comparing") as on_progress:
            result = run(
                loaded, text, temperatures, params=params, seeds=numbers, stop=stop or (), max_rows=rows,
                on_progress=on_progress, **lengths,
            )  # fmt: skip
    except Interrupted as interrupt:
        result, code = interrupt.finished, 130  # type: ignore[assignment]
        done, asked = len(result.texts), len(result.settings) * len(result.seeds)
        sys.stderr.write(f"thermoscope: interrupted; {done} of {asked} texts are finished\n")
    _show(result, as_json=json, output=output, no_color=no_color)
    raise typer.Exit(code)


def _prompt(prompt: str | None) -> str:
    """The prompt as typed or from standard input, where a last line end belongs to the pipe and not to the text."""
    if prompt is None:
        raise InputError('give a prompt, such as "Once upon a time", or --experiment NAME')
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


def settings_from(
    temperature: list[str] | None, top_k: str | None, top_p: str | None, min_p: str | None, order: str | None
) -> tuple[list[float], SamplingParams]:
    """Temperatures, and the other parameters as SamplingParams."""
    from thermoscope.cli.values import number, numbers
    from thermoscope.experiment.plan import at_temperatures
    from thermoscope.params import ORDERS, STAGES, SamplingParams

    words = (("top_k", top_k), ("top_p", top_p), ("min_p", min_p))
    values: dict[str, Any] = {name: number(word) for name, word in words if word is not None}
    if order is not None:
        stages = [stage.strip() for stage in order.split(",")] if order else []
        values["order"] = stages if len(stages) != 1 or order in STAGES else order
        if order not in (*ORDERS, *STAGES) and len(stages) == 1:
            raise InputError(f"--order must be {', '.join(ORDERS)} or a list of {', '.join(STAGES)}; got {order!r}")
    params = SamplingParams(**values)
    temperatures = numbers(temperature or DEFAULT_TEMPERATURES, "temperature")
    at_temperatures(temperatures, params)
    return temperatures, params


def _experiment(name: str, given: dict[str, Any]) -> tuple[str, list[float], SamplingParams, dict[str, int | None]]:
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
    return chosen.prompt, list(chosen.temperatures), SamplingParams(top_k=chosen.top_k), lengths


def _show(result: Comparison, *, as_json: bool, output: Path | None, no_color: bool) -> None:
    """Print or write the result."""
    from thermoscope.cli import console
    from thermoscope.report.terminal import print_comparison

    def printing(to: Console) -> None:
        print_comparison(result, to)

    if output is not None:
        try:
            console.write(output, result.to_json() + "\n" if as_json else console.plain(printing))
        except OutputError:  # the work is done: what can't be written is printed
            console.show(printing, no_color=no_color)
            raise
    elif as_json:
        console.utf8(result.to_json() + "\n")
    else:
        console.show(printing, no_color=no_color)
