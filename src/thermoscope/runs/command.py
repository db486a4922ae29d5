"""The command that makes a run: ``thermoscope measure`` where its options can say it, else Python."""

from __future__ import annotations

from thermoscope.ran.provenance import common_words, quote, setting_words
from thermoscope.runs.measuring import Measuring
from thermoscope.runs.plan import Plan
from thermoscope.runs.store import Store
from thermoscope.settings.orders import order_name
from thermoscope.settings.params import SamplingParams


def run_command(plan: Plan, store: Store, measuring: Measuring) -> str:
    """The command line that makes the run and resumes it, in one line for the shell."""
    case = measuring.use_case
    held_out = plan.prompts == tuple(prompt.text for prompt in case.held_out_prompts)
    usual = held_out or plan.prompts == tuple(prompt.text for prompt in case.open_prompts)
    if not usual:
        return " ".join(map(quote, ["python", "-c", _python(plan, store, measuring)]))
    words = ["thermoscope", "measure", "--use-case", plan.use_case, *setting_words(plan.settings)]
    words += common_words(plan, plan.seeds, plan.max_new_tokens, plan.stop, plan.model)
    words += [] if plan.tokens == "records" else ["--keep-tokens", plan.tokens]
    words += [*(["--held-out"] if held_out else []), *measuring.words, "--run", str(store.folder)]
    return " ".join(map(quote, words))


def _python(plan: Plan, store: Store, measuring: Measuring) -> str:
    """The same in Python: any settings and prompts."""
    opening = ", ".join(f"{name}={value!r}" for name, value in plan.loading.items() if value is not None)
    model = f"t.open_source({plan.model!r}, {opening})"
    settings = ", ".join(map(_constructed, plan.settings))
    given: dict[str, object] = {
        "prompts": list(plan.prompts),
        "seeds": list(plan.seeds),
        "max_new_tokens": plan.max_new_tokens,
        "stop": list(plan.stop),
        "folder": str(store.folder),
        **({} if plan.tokens == "records" else {"keep_tokens": plan.tokens}),
        **measuring.asked,
    }
    arguments = ", ".join(f"{name}={value!r}" for name, value in given.items())
    return f"import thermoscope as t; t.run({model}, {plan.use_case!r}, [{settings}], {arguments})"


def _constructed(setting: SamplingParams) -> str:
    values = dict(setting.model_dump(include={"temperature", *setting.given}))
    if setting.order != SamplingParams().order:
        values["order"] = order_name(setting.order) or list(setting.order)
    made = f"t.SamplingParams({', '.join(f'{name}={value!r}' for name, value in values.items())})"
    return made if setting.name is None else f"{made}.named({setting.name!r})"
