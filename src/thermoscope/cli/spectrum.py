"""``thermoscope spectrum``: every text between two temperatures, and where each word changes."""

from __future__ import annotations

import json as json_module
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermoscope.cli.settings import Asked, takes_settings
from thermoscope.errors import InputError, Interrupted, OutputError

if TYPE_CHECKING:
    from rich.console import Console

    from thermoscope.decode.spectrum import Spectrum
    from thermoscope.experiment.provenance import WhatRan
    from thermoscope.metrics.steps import StepMeasures

DEFAULT_LOW, DEFAULT_HIGH, DEFAULT_RESOLUTION, DEFAULT_TOKENS = "0", "1.5", "0.001", 60
#: More seeds are for the Python API.
_MOST_SEEDS = 1000


@takes_settings
def spectrum(
    prompt: Annotated[
        str | None,
        typer.Argument(
            metavar="PROMPT",
            help="The prompt; - reads it from standard input, without its last line end. Put -- before a prompt "
            "that begins with a dash.",
        ),
    ] = None,
    low: Annotated[str, typer.Option(metavar="T", help="Lower end of the temperatures; 0 is greedy.")] = DEFAULT_LOW,
    high: Annotated[str, typer.Option(metavar="T", help="Upper end of the temperatures.")] = DEFAULT_HIGH,
    at: Annotated[
        str | None, typer.Option(metavar="T", help="Show the text at this temperature alone, and where it holds.")
    ] = None,
    seed: Annotated[
        list[str] | None, typer.Option(metavar="N", help="A seed; may be given again. Without one: 0.")
    ] = None,
    seeds: Annotated[str | None, typer.Option(metavar="N", help="How many seeds, counted up from --seed.")] = None,
    max_new_tokens: Annotated[
        str | None, typer.Option(metavar="N", help=f"The most new tokens ({DEFAULT_TOKENS} unless given).")
    ] = None,
    max_length: Annotated[
        str | None, typer.Option(metavar="N", help="The most tokens with the prompt counted.")
    ] = None,
    stop: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="A text ends where this begins; may be given again.")
    ] = None,
    resolution: Annotated[
        str, typer.Option(metavar="T", help="Intervals narrower than this are not split any further.")
    ] = DEFAULT_RESOLUTION,
    max_leaves: Annotated[
        str | None, typer.Option(metavar="N", help="The most texts per seed; without it there is no limit.")
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
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write one self-contained page with a slider over temperature."),
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
    """Find every text between two temperatures and where words change.

    One prompt and one seed have finitely many texts in a range of temperatures. Shows the axis with the exact
    temperatures at which they change, the widest texts, and the first changes in words.
    """
    from thermoscope.cli import console
    from thermoscope.cli.compare import _lengths, read_prompt
    from thermoscope.cli.values import MOST_SEED, consecutive_seeds, whole

    # all that can be known to be wrong without the model is said before it is loaded
    for path in (output, html):
        if path is not None:
            console.check_writable(path)
    if output is not None and output == html:
        raise InputError(f"--output and --html must be two files; got {str(html)!r} for both; change one")
    ends = (_number(low, "--low"), _number(high, "--high"))
    where = None if at is None else _number(at, "--at")
    if where is not None and not ends[0] <= where <= ends[1]:
        raise InputError(f"--at must be from --low to --high, {ends[0]:g} to {ends[1]:g}; got {at}; widen the range")
    first = [whole(word, "--seed", most=MOST_SEED) for word in seed or []]
    numbers = consecutive_seeds(first, whole(seeds, "--seeds", least=1, most=_MOST_SEEDS))
    rows = whole(max_rows, "--max-rows", least=1)
    leaves = whole(max_leaves, "--max-leaves", least=1)
    if "" in (stop or []):
        raise InputError("--stop must be a text that is not empty; got ''; leave it out")
    params = asked.settings()
    lengths = _lengths(max_new_tokens, max_length)
    fine = _number(resolution, "--resolution")
    text = read_prompt(prompt)
    _check(ends, fine)

    with console.status("loading the libraries and the model"):
        from thermoscope.decode.explore import spectrum as run
        from thermoscope.decode.halflines import plan_for
        from thermoscope.decode.request import prompt_ids
        from thermoscope.models.load import load_model
        from thermoscope.params import SamplingParams

        plan_for(params)
        loaded = load_model(model, revision=revision, device=device, dtype=dtype)
        params = asked.settings(loaded)
        if params.temperature != SamplingParams().temperature:
            console.say(f"temperature={params.temperature:g} of --params is not used: a spectrum has all of them")
        if set(lengths.values()) == {None}:
            context = loaded.context_length
            room = DEFAULT_TOKENS if context is None else context - len(prompt_ids(loaded, text))
            lengths["max_new_tokens"] = min(DEFAULT_TOKENS, room)
    code = 0
    try:
        with console.progress("exploring") as on_progress:
            found = run(
                loaded, text, temperature=ends, params=params, seeds=numbers, stop=stop or (), resolution=fine,
                max_leaves=leaves, max_rows=rows, on_progress=on_progress, **lengths,
            )  # fmt: skip
    except Interrupted as interrupt:
        found, code = interrupt.finished, 130  # type: ignore[assignment]
        sys.stderr.write(f"thermoscope: interrupted; {len(found)} of {len(numbers)} spectra are finished\n")
        if not found:
            raise typer.Exit(code) from None
    from thermoscope.experiment.spectrum_ran import what_ran
    from thermoscope.metrics.steps import step_measures

    _show(
        found, step_measures(found), what_ran(loaded, found), at=where, as_json=json, output=output, html=html,
        no_color=no_color,
    )  # fmt: skip
    raise typer.Exit(code)


def _number(word: str, name: str) -> float:
    """One finite number of at least 0, as typed."""
    try:
        value = float(word) + 0.0
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise InputError(f"{name} must be a finite number of at least 0; got {word!r}; write 0.7")
    return value


def _check(ends: tuple[float, float], resolution: float) -> None:
    if not ends[0] < ends[1]:
        raise InputError(
            f"--low must be below --high; got {ends[0]:g} and {ends[1]:g}; for one temperature use thermoscope compare"
        )
    if resolution > ends[1] - ends[0]:
        raise InputError(
            f"--resolution must be at most the range, {ends[1] - ends[0]:g}; got {resolution:g}; write 0.001"
        )


def _show(
    found: list[Spectrum],
    measures: StepMeasures,
    ran: WhatRan,
    *,
    at: float | None,
    as_json: bool,
    output: Path | None,
    html: Path | None,
    no_color: bool,
) -> None:
    """Print or write the result."""
    from thermoscope.cli import console
    from thermoscope.report.spectrum_terminal import print_at, print_spectra

    def printing(to: Console) -> None:
        if at is None:
            print_spectra(found, measures, ran, to)
        else:
            for spectrum in found:
                print_at(spectrum, at, to)

    if html is not None:
        from thermoscope.report.spectrum_page import spectrum_page

        console.write(html, spectrum_page(found, measures, ran))
        if not as_json and output is None and at is None:
            return
    text = _json(found, measures, ran, at) if as_json else ""
    if output is not None:
        try:
            console.write(output, text if as_json else console.plain(printing))
        except OutputError:  # the work is done: what can't be written is printed
            console.show(printing, no_color=no_color)
            raise
    elif as_json:
        console.utf8(text)
    else:
        console.show(printing, no_color=no_color)


def _json(found: list[Spectrum], measures: StepMeasures, ran: WhatRan, at: float | None) -> str:
    """Everything, or what is there at one temperature; each of ``spectra`` is what ``Spectrum.from_json`` reads."""
    if at is None:
        spectra = ",\n".join(spectrum.to_json() for spectrum in found)
        rest = json_module.dumps(ran.to_dict(), ensure_ascii=False, allow_nan=False)
        return (
            f'{{"format": "thermoscope.spectra/1",\n"spectra": [{spectra}],\n"measures": {measures.to_json()},\n'
            f'"ran": {rest}}}\n'
        )
    texts = []
    for spectrum in found:
        leaf, record = spectrum.leaf(at), spectrum.at(at).to_dict()
        record["drawn_logprobs"] = None
        texts.append({**record, "low": leaf.low, "high": leaf.high, "exact": leaf.is_exact(at)})
    record = {"format": "thermoscope.spectrum_at/1", "temperature": at, "texts": texts, "ran": ran.to_dict()}
    return json_module.dumps(record, ensure_ascii=False, allow_nan=False, indent=2) + "\n"
