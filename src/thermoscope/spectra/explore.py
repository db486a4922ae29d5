"""``spectrum``: the public way from prompts, a setting and seeds to all texts between two temperatures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from numbers import Real

import torch

from thermoscope.checks import at_least_one
from thermoscope.decode.batch import rows_that_fit
from thermoscope.decode.memory import memory_errors_explained
from thermoscope.decode.notebook import shown
from thermoscope.decode.progress import Progress
from thermoscope.decode.request import as_list, check_model, new_tokens, prompt_ids, seed_list, stop_strings
from thermoscope.errors import InputError, Interrupted
from thermoscope.models.base import Model
from thermoscope.sampling.chain import check_setting
from thermoscope.sampling.effects import Effects
from thermoscope.settings.params import SamplingParams
from thermoscope.spectra.growth import Explorer
from thermoscope.spectra.halflines import split_at_temperature
from thermoscope.spectra.leaf import Leaf
from thermoscope.spectra.spectrum import Spectrum
from thermoscope.spectra.split import Interval
from thermoscope.spectra.tree import Tree

#: Scores at larger temperatures would overflow.
_HOTTEST = 1e100


def spectrum(
    model: Model,
    prompts: str | Sequence[str],
    *,
    temperature: tuple[float, float] = (0.0, 1.5),
    params: SamplingParams | None = None,
    seeds: int | Sequence[int] = 1,
    max_new_tokens: int | None = None,
    max_length: int | None = None,
    stop: str | Sequence[str] = (),
    resolution: float = 1e-3,
    max_leaves: int | None = None,
    max_rows: int | None = None,
    on_leaf: Callable[[int, Leaf], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    effects: Effects | None = None,
) -> list[Spectrum]:
    """Find every text between two temperatures, and the exact temperature at which each word changes.

    Parameters
    ----------
    model
        From ``load_model``.
    prompts
        One prompt, or several.
    temperature
        The lower and the upper end, 0 <= low < high. 0 is greedy.
    params
        The other parameters; its own temperature is not used.
    seeds, max_new_tokens, max_length, stop, max_rows
        As in ``generate``.
    resolution
        Intervals narrower than this are not split any further: one text stands for the whole interval, and its leaf
        says where it is exact. 0 splits without limit.
    max_leaves
        The most leaves of each spectrum. The budget is divided by width, and a merged leaf says so as above. By
        default there is no limit.
    on_leaf
        Called with (index in the result, leaf) as each text is found, in no order; the numbers in its ``path`` are
        not those of the finished spectrum.
    on_progress
        Called after every step; its samples are the leaves so far.
    effects
        Records which stages of the setting changed anything at some temperature (``sampling.effects``), under the
        ``params`` of the spectra.

    Returns
    -------
    list of Spectrum
        Prompts x seeds, the last varying fastest.

    Raises
    ------
    InputError
        A value breaks its rule, or the setting has a stage that does not keep the spectrum exact.
    PromptError
        A prompt is empty or does not fit.
    BadLogitsError
        The model gave NaN.
    ModelMemoryError
        The rows in flight need more memory than there is.
    Interrupted
        A KeyboardInterrupt that carries the list of spectra that were finished.
    """
    check_model(model)
    low, high = _range(temperature)
    setting = SamplingParams() if params is None else params
    if not isinstance(setting, SamplingParams):
        raise InputError(f"params must be one SamplingParams; got {setting!r:.60}")
    check_setting(setting, model.vocabulary)
    at_temperature = split_at_temperature(setting)
    without_temperature = setting.replace(temperature=SamplingParams().temperature)
    resolution = _checked_resolution(resolution)
    most = at_least_one("max_leaves", max_leaves)
    texts, numbers, stops = as_list("prompts", prompts, str), seed_list(seeds), stop_strings(stop)
    if not texts:
        raise InputError("prompts must not be empty; give at least one")
    trees: list[Tree] = []
    for text in texts:
        ids = tuple(prompt_ids(model, text))
        limit = new_tokens(model, len(ids), max_new_tokens, max_length)
        for seed in numbers:
            trees.append(Tree(text, ids, seed, limit, None if on_leaf is None else partial(on_leaf, len(trees))))
    length = max(len(tree.prompt_ids) + tree.limit for tree in trees)
    capacity = at_least_one("max_rows", max_rows) or rows_that_fit(model, length)

    def finished(tree: Tree) -> Spectrum:
        nodes, leaves = tree.sorted()
        return Spectrum(
            prompt=tree.prompt,
            seed=tree.seed,
            prompt_tokens=len(tree.prompt_ids),
            params=without_temperature,
            low=low,
            high=high,
            max_new_tokens=tree.limit,
            stop=stops,
            resolution=resolution,
            max_leaves=most,
            nodes=nodes,
            leaves=leaves,
            model=model.name,
            revision=model.revision,
            dtype=model.dtype,
            device=model.device,
        )

    with memory_errors_explained(model), shown("exploring", on_progress) as tell:
        explorer = Explorer(model, trees, at_temperature, stops, resolution, capacity, watch=effects is not None)
        try:
            explorer.grow(Interval(low, high, low, high, low == 0, most), tell)
        except KeyboardInterrupt:
            raise Interrupted([finished(tree) for tree in trees if tree.open == 0]) from None
        finally:
            if effects is not None:
                acted = explorer.finder.acted
                for stage in without_temperature.active_stages:
                    effects.record(stage, [without_temperature], torch.tensor([stage in acted]))
    return [finished(tree) for tree in trees]


def _range(temperature: tuple[float, float]) -> tuple[float, float]:
    """The ends of the range, checked."""
    try:
        low, high = temperature
    except (TypeError, ValueError):
        raise InputError(
            f"temperature must be two numbers, low and high; got {temperature!r:.60}; use (0, 1.5)"
        ) from None
    low, high = (SamplingParams(temperature=end).temperature for end in (low, high))
    if not low < high <= _HOTTEST:
        raise InputError(
            f"temperatures must go up, from low to high of at most {_HOTTEST:g}; got {low:g} to {high:g}; "
            "use (0, 1.5), or generate for one temperature"
        )
    return low, high


def _checked_resolution(resolution: float) -> float:
    """The resolution as a plain float, numpy's too."""
    if isinstance(resolution, bool) or not isinstance(resolution, Real) or not 0 <= float(resolution) < math.inf:
        raise InputError(f"resolution must be a finite number of at least 0; got {resolution!r}; use 0.001")
    return float(resolution)
