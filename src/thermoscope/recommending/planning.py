"""From a budget to rounds: how many prompts, seeds and settings each has, said before anything is spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from thermoscope.errors import InputError
from thermoscope.recommending.objective import Objective
from thermoscope.words import count

#: Shares of the budget: of the first round at most, and of the confirmation.
_FIRST, _CONFIRM = 0.2, 0.25
#: Settings that stand in the confirmation beside those that one would use without asking: the pick, and the best.
_PICKED = 2
#: Seeds of a prompt and setting in the confirmation, at most; a prompt has no more in all rounds together.
MOST_SEEDS = 16


@dataclass(frozen=True, slots=True)
class Layout:
    """How a budget is put to use.

    Attributes
    ----------
    tokens
        The budget in tokens.
    length
        Tokens of a text, at most.
    prompts
        Prompts of the first round; later ones take further prompts first, then further seeds.
    seeds
        Seeds of a prompt and setting in a round.
    settings
        Settings of the first round.
    held_out
        Prompts of the confirmation.
    confirm_seeds, confirm_settings
        Seeds of a prompt and setting in the confirmation, and about how many settings it has.
    """

    tokens: int
    length: int
    prompts: int
    seeds: int
    settings: int
    held_out: int
    confirm_seeds: int
    confirm_settings: int

    @property
    def reserved(self) -> int:
        """Tokens that the confirmation may take."""
        return self.confirm_settings * self.held_out * self.confirm_seeds * self.length

    @property
    def first(self) -> int:
        """Tokens that the first round may take."""
        return self.settings * self.prompts * self.seeds * self.length

    def left(self, spent: int) -> int:
        """Tokens that rounds may still take, the confirmation set aside."""
        return max(self.tokens - self.reserved - spent, 0)


def layout(
    tokens: int, length: int, prompts: int, held_out: int, settings: int, beside: int, objective: Objective
) -> Layout:
    """The layout of a budget.

    Parameters
    ----------
    tokens
        The budget.
    length
        Tokens of a text, at most.
    prompts, held_out
        Prompts that there are.
    settings, beside
        Settings of the first round, and those that stand beside the pick.
    objective
        What is wanted.

    Raises
    ------
    InputError
        The budget is too small for the first round.
    """
    seeds = objective.seeds if objective.kind != "none" else 2
    if prompts == 1:
        seeds = max(seeds, 4)  # the units of what is said about one prompt
    text = length * seeds
    confirmed = _PICKED + beside
    fewest = min(prompts, 2)
    least = text * (settings * fewest + confirmed * min(held_out, 1))
    if tokens < least:
        raise InputError(
            f"a budget of {tokens:,} tokens is too small for {count(settings, 'setting')} x {count(fewest, 'prompt')} "
            f"x {count(seeds, 'seed')} of {length} tokens and a confirmation; give at least {least:,} tokens, shorter "
            "texts (--max-new-tokens), or fewer values to vary"
        )
    first = max(fewest, min(prompts, int(_FIRST * tokens / (settings * text))))
    asked = min(held_out, max(1, int(_CONFIRM * tokens / (confirmed * text)))) if held_out else 0
    more = int(_CONFIRM * tokens / (confirmed * max(asked, 1) * length))
    confirm_seeds = min(max(seeds, more // seeds * seeds), MOST_SEEDS // seeds * seeds or seeds)
    return Layout(tokens, length, first, seeds, settings, asked, confirm_seeds, confirmed)


def next_round(plan: Layout, settings: int, spent: int, prompts: int, used: Sequence[int]) -> tuple[int, int] | None:
    """How many new prompts the next round takes, or (if none are left) from which seed on the old ones go on.

    Parameters
    ----------
    plan
        The layout.
    settings
        Settings that are left.
    spent
        Tokens spent so far.
    prompts
        Prompts that there are.
    used
        For each prompt that was used, how many seeds it had.

    Returns
    -------
    tuple or None
        (new prompts, 0), (0, first seed), or None where the budget or the seeds are used up.
    """
    each = settings * plan.seeds * plan.length
    affordable = plan.left(spent) // each if each else 0
    if (fresh := prompts - len(used)) > 0:
        take = min(fresh, affordable, max(len(used), 1))
        return (take, 0) if take >= min(fresh, 2) else None
    start = max(used, default=0)
    if affordable < len(used) or start + plan.seeds > MOST_SEEDS:
        return None
    return 0, start


def plan_sentences(plan: Layout, said: str, sees: Sequence[str]) -> tuple[str, ...]:
    """The plan and what it can see, a sentence each, for a reader who has not paid yet."""
    rest = plan.left(plan.first)
    found = [said] if said else []
    found.append(
        f"Plan: {count(plan.settings, 'setting')} x {count(plan.prompts, 'prompt')} x {count(plan.seeds, 'seed')} of "
        f"at most {plan.length} tokens first ({plan.first:,} tokens), up to {rest:,} tokens on the settings that are "
        "left, "
        + (
            f"up to {plan.reserved:,} to confirm the pick on {count(plan.held_out, 'held-out prompt')}."
            if plan.held_out
            else "and nothing to confirm the pick on: no prompt is held out."
        )
    )
    return (*found, *sees)
