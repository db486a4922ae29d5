"""``thermoscope spectrum``: every text between two temperatures, and where each word changes."""

from __future__ import annotations

import json as json_module
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermoscope.cli import options
from thermoscope.cli.settings import TypedSettings, takes_settings
from thermoscope.errors import InputError, Interrupted

if TYPE_CHECKING:
    from rich.console import Console

    from thermoscope.cli.console import PageFile
    from thermoscope.ran.provenance import WhatRan
    from thermoscope.spectra.spectrum import Spectrum

DEFAULT_LOW, DEFAULT_HIGH, DEFAULT_RESOLUTION, DEFAULT_TOKENS = "0", "1.5", "0.001", 60
#: More seeds are for the Python API.
_MOST_SEEDS = 1000


@takes_settings
def spectrum(
    prompt: options.Prompt = None,
    low: Annotated[str, typer.Option(metavar="T", help="Lower end of the temperatures; 0 is greedy.")] = DEFAULT_LOW,
    high: Annotated[str, typer.Option(metavar="T", help="Upper end of the temperatures.")] = DEFAULT_HIGH,
    at: Annotated[
        str | None,
        typer.Option(metavar="T", help="Show only the text at this temperature, and where it holds."),
    ] = None,
    seed: options.Seed = None,
    seeds: Annotated[str | None, options.seeds("1")] = None,
    max_new_tokens: Annotated[str | None, options.max_new_tokens(str(DEFAULT_TOKENS))] = None,
    max_length: options.MaxLength = None,
    stop: options.Stop = None,
    resolution: Annotated[
        str, typer.Option(metavar="T", help="Intervals narrower than this are not split further.")
    ] = DEFAULT_RESOLUTION,
    max_leaves: Annotated[
        str | None, typer.Option(metavar="N", help="Maximum texts per seed. [default: no limit]")
    ] = None,
    model: options.ModelName = None,
    revision: options.Revision = None,
    device: options.Device = None,
    dtype: options.Dtype = None,
    model_option: options.ModelOption = None,
    chat: options.Chat = None,
    system: options.System = None,
    chat_option: options.ChatOption = None,
    max_rows: options.MaxRows = None,
    html: options.Html = None,
    language: options.Language = None,
    json: options.Json = False,
    output: options.Output = None,
    *,
    asked: TypedSettings,
) -> None:
    """Find every text between two temperatures and where words change.

    With one prompt and one seed, only finitely many texts are possible in a range of temperatures. Shows the exact
    temperatures at which the text changes, the texts that hold over the widest ranges, and the first changes.
    """
    from thermoscope.cli import console
    from thermoscope.cli.values import finite, lengths, read_prompt, seed_numbers, stop_words, whole_number

    how_loaded = options.loading(
        model, revision, device, dtype, chat=chat, system=system, chat_option=chat_option, model_option=model_option
    )
    # all that can be known to be wrong without the model is said before it is loaded
    page_file = console.check_places(output, html, language)
    ends = (finite(low, "--low", DEFAULT_LOW), finite(high, "--high", DEFAULT_HIGH))
    where = None if at is None else finite(at, "--at", "0.7")
    if where is not None and not ends[0] <= where <= ends[1]:
        raise InputError(f"--at must be from --low to --high, {ends[0]:g} to {ends[1]:g}; got {at}; widen the range")
    numbers, stops = seed_numbers(seed, seeds, most=_MOST_SEEDS), stop_words(stop)
    rows = whole_number(max_rows, "--max-rows", least=1)
    leaves = whole_number(max_leaves, "--max-leaves", least=1)
    params = asked.settings()
    length = lengths(max_new_tokens, max_length)
    fine = finite(resolution, "--resolution", DEFAULT_RESOLUTION)
    text = read_prompt(prompt)
    _check(ends, fine)

    with console.status("loading the libraries and the model"):
        from thermoscope.decode.request import prompt_ids
        from thermoscope.models.load import load_model
        from thermoscope.sampling.effects import Effects
        from thermoscope.settings.params import SamplingParams
        from thermoscope.spectra.explore import spectrum as run
        from thermoscope.spectra.halflines import split_at_temperature

        split_at_temperature(params)
        loaded = load_model(**how_loaded)
        params = asked.settings(loaded)
        if params.temperature != SamplingParams().temperature:
            console.say(f"temperature={params.temperature:g} of --params is not used: a spectrum covers them all")
        if set(length.values()) == {None}:
            context = loaded.context_length
            room = DEFAULT_TOKENS if context is None else context - len(prompt_ids(loaded, text))
            length["max_new_tokens"] = min(DEFAULT_TOKENS, room)
    code, effects = 0, Effects()
    try:
        with console.progress("exploring") as on_progress:
            found = run(
                loaded, text, temperature=ends, params=params, seeds=numbers, stop=stops, resolution=fine,
                max_leaves=leaves, max_rows=rows, on_progress=on_progress, effects=effects, **length,
            )  # fmt: skip
    except Interrupted as interrupt:
        found, code = interrupt.finished, 130
        sys.stderr.write(f"thermoscope: interrupted; {len(found)} of {len(numbers)} spectra are finished\n")
        if not found:
            raise typer.Exit(code) from None
    from thermoscope.ran.of_spectrum import what_ran

    ran = what_ran(loaded, found, where, effects)
    _show(found, ran, at=where, as_json=json, output=output, html=page_file)
    raise typer.Exit(code)


def _check(ends: tuple[float, float], resolution: float) -> None:
    if not ends[0] < ends[1]:
        raise InputError(
            f"--low must be below --high; got {ends[0]:g} and {ends[1]:g}; for one temperature use thermoscope compare"
        )
    width = ends[1] - ends[0]
    if resolution > width:
        raise InputError(
            f"--resolution must be at most the range, {width:g}; got {resolution:g}; write {width / 100:g}"
        )


def _show(
    found: list[Spectrum],
    ran: WhatRan,
    *,
    at: float | None,
    as_json: bool,
    output: Path | None,
    html: PageFile | None,
) -> None:
    """Print or write the result."""
    from thermoscope.cli import console
    from thermoscope.metrics.steps import step_measures
    from thermoscope.report.terminal.ran import print_ran
    from thermoscope.report.terminal.spectrum import SHOWN_MEASURES, print_at, print_spectra

    def printing(to: Console) -> None:
        if at is None:
            print_spectra(found, step_measures(found, SHOWN_MEASURES), ran, to)
            return
        for spectrum in found:
            print_at(spectrum, at, to)
        print_ran(ran, to)

    def page(language: str) -> str | bytes:
        from thermoscope.report.forms import render

        return render(found, "html", ran=ran, language=language)

    def said() -> list[str]:
        from thermoscope.report.forks import found_sentences

        return found_sentences(found)

    console.give(
        lambda: _json(found, ran, at), printing, as_json=as_json, output=output, html=html, page=page, found=said
    )
    if html is not None and at is not None and not as_json and output is None:
        console.show(printing)


def _json(found: list[Spectrum], ran: WhatRan, at: float | None) -> str:
    """Everything, or what is there at one temperature; each of ``spectra`` is what ``Spectrum.from_json`` reads."""
    if at is None:
        from thermoscope.metrics.steps import step_measures

        measures = step_measures(found)
        spectra = ",\n".join(spectrum.to_json() for spectrum in found)
        rest = json_module.dumps(ran.to_dict(), ensure_ascii=False, allow_nan=False)
        return (
            f'{{"format": "thermoscope.spectra/1",\n"spectra": [{spectra}],\n"measures": {measures.to_json()},\n'
            f'"ran": {rest}}}'
        )
    texts = []
    for spectrum in found:
        leaf, record = spectrum.leaf(at), spectrum.at(at).to_dict()
        record |= {"drawn_logprobs": None, "tempered_entropies": None}
        texts.append({**record, "low": leaf.low, "high": leaf.high, "exact": leaf.is_exact(at)})
    record = {"format": "thermoscope.spectrum_at/1", "temperature": at, "texts": texts, "ran": ran.to_dict()}
    return json_module.dumps(record, ensure_ascii=False, allow_nan=False, indent=2)
