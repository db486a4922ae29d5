"""The command that makes a run: ``thermoscope measure`` where its options can say it, else Python."""

from __future__ import annotations

from collections.abc import Sequence

from thermoscope.ran.provenance import common_words, quote, setting_words
from thermoscope.runs.measure import Measuring
from thermoscope.runs.plan import Plan
from thermoscope.runs.store import Store
from thermoscope.settings.grid import varied, varying
from thermoscope.settings.orders import order_name
from thermoscope.settings.params import SamplingParams


def run_command(plan: Plan, store: Store, measuring: Measuring) -> str:
    """The command line that makes the run and resumes it, in one line for the shell."""
    case = measuring.use_case
    held_out = plan.prompts == tuple(prompt.text for prompt in case.held_out_prompts)
    usual = held_out or plan.prompts == tuple(prompt.text for prompt in case.open_prompts)
    if not usual or not _is_grid(plan.settings):
        return " ".join(map(quote, ["python", "-c", _python(plan, store, measuring)]))
    words = ["thermoscope", "measure", "--use-case", plan.use_case, *setting_words(plan.settings)]
    words += common_words(plan, plan.seeds, plan.max_new_tokens, plan.stop, plan.model)
    words += [*(["--held-out"] if held_out else []), *measuring.words, "--run", str(store.folder)]
    return " ".join(map(quote, words))


def _is_grid(settings: Sequence[SamplingParams]) -> bool:
    """Whether settings are every combination of the values that differ, which is what options can say."""
    names = varying(settings)
    values = {name: list(dict.fromkeys(getattr(setting, name) for setting in settings)) for name in names}
    combinations = 1
    for each in values.values():
        combinations *= len(each)
    return combinations == len(settings) and set(varied(values, settings[0])) == set(settings)


def _python(plan: Plan, store: Store, measuring: Measuring) -> str:
    """The same in Python: any settings and prompts."""
    loading = ", ".join(f"{name}={value!r}" for name, value in plan.loading.items())
    model = f"t.load_model({plan.model!r}, {loading})"
    settings = ", ".join(map(_constructed, plan.settings))
    given: dict[str, object] = {
        "prompts": list(plan.prompts),
        "seeds": list(plan.seeds),
        "max_new_tokens": plan.max_new_tokens,
        "stop": list(plan.stop),
        "folder": str(store.folder),
        **measuring.asked,
    }
    arguments = ", ".join(f"{name}={value!r}" for name, value in given.items())
    return f"import thermoscope as t; t.run({model}, {plan.use_case!r}, [{settings}], {arguments})"


def _constructed(setting: SamplingParams) -> str:
    values = dict(setting.model_dump(include={"temperature", *setting.given}))
    if setting.order != SamplingParams().order:
        values["order"] = order_name(setting.order) or list(setting.order)
    return f"t.SamplingParams({', '.join(f'{name}={value!r}' for name, value in values.items())})"
