"""Settings that stand beside the pick: what one would use without asking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from thermoscope.engines.model_config import model_settings
from thermoscope.engines.reading import read
from thermoscope.engines.registry import ENGINES
from thermoscope.engines.settings_file import read_settings
from thermoscope.errors import InputError, ParameterError
from thermoscope.language.saying import phrase, say
from thermoscope.recommending.vendors import advice_for
from thermoscope.settings.params import SamplingParams
from thermoscope.sources.base import Source
from thermoscope.words import quoted


@dataclass(frozen=True, slots=True)
class Beside:
    """A setting beside the pick.

    Attributes
    ----------
    name
        Whose it is.
    setting
        The setting.
    source
        Where it is from, with the day where it was read; "" where the name says it.
    """

    name: str
    setting: SamplingParams
    source: str


def settings_beside(
    source: Source, baseline: str | Path | SamplingParams | None
) -> tuple[tuple[Beside, ...], tuple[str, ...]]:
    """Greedy decoding, transformers' default, the model's own config, the vendor's advice, the user's present setting.

    Parameters
    ----------
    source
        What will run them.
    baseline
        The present setting: ``model`` (its generation config), the name of an engine (its defaults), a file as
        ``read_settings`` takes it, or ``SamplingParams``.

    Returns
    -------
    tuple
        The settings, each once, the user's first; and a sentence for each that the source can't run.

    Raises
    ------
    InputError
        The baseline can't be read, or the source can't run it.
    """
    found: list[Beside] = []
    own = _own(source)
    if baseline is not None:
        found.append(_present(baseline, own))
        source.settings(found[0].setting)
    found.append(Beside(phrase("greedy"), SamplingParams(temperature=0), ""))
    found.append(Beside(phrase("transformers' default"), read('{"do_sample": true}', "transformers").params, ""))
    if own is not None:
        found.append(own)
    found += [
        Beside(
            say("the vendor's advice: {name}", name=one.name),
            SamplingParams(**one.params),
            f"{one.source}, read {one.read}",
        )
        for one in advice_for(source.name)
    ]
    kept: list[Beside] = []
    refused: list[str] = []
    for beside in found:
        try:
            (setting,) = source.settings(beside.setting)
        except (InputError, ParameterError) as error:
            refused.append(f"{beside.name} is not run: {str(error).partition(';')[0]}.")
            continue
        same = next((i for i, one in enumerate(kept) if one.setting == setting), None)
        if same is None:
            kept.append(Beside(beside.name, setting, beside.source))
        else:
            sources = "; ".join(filter(None, (kept[same].source, beside.source)))
            kept[same] = Beside(say("{name} = {other}", name=kept[same].name, other=beside.name), setting, sources)
    return tuple(kept), tuple(refused)


def _own(source: Source) -> Beside | None:
    """The setting of the model's generation config, where it has one and runs here."""
    from thermoscope.sources.open import ask_model

    if not source.can.logits:
        return None
    own = ask_model(source, "a generation config", model_settings)
    return (
        None
        if own is None
        else Beside(phrase("the model's generation config"), own.params, "its generation_config.json")
    )


def _present(baseline: str | Path | SamplingParams, own: Beside | None) -> Beside:
    """The user's present setting."""
    if isinstance(baseline, SamplingParams):
        return Beside(say("yours: {name}", name=baseline.name) if baseline.name else phrase("yours"), baseline, "")
    if not isinstance(baseline, str | Path):
        raise InputError(f"baseline must be a file, model or an engine; got {quoted(baseline)}; write vllm")
    if str(baseline) == "model":
        if own is None:
            raise InputError(
                "the baseline model needs a model that runs here with a generation_config.json about sampling; name a "
                "file or an engine, or leave it out"
            )
        return Beside(phrase("yours: the model's generation config"), own.setting, own.source)
    if str(baseline) in ENGINES and not Path(baseline).exists():
        defaults = read("{}", str(baseline))
        return Beside(f"yours: the defaults of {baseline}", defaults.params, f"{baseline} without any parameter")
    return Beside(f"yours: {Path(baseline).name}", read_settings(baseline, ours=True).params, str(baseline))


def names(beside: Sequence[Beside]) -> tuple[str, ...]:
    """What they are called."""
    return tuple(one.name for one in beside)
