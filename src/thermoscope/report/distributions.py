"""A next-token distribution in words: what the terminal and the page say alike."""

from __future__ import annotations

from dataclasses import dataclass

from thermoscope.comparison.inspected import Inspection, TemperatureInspection, TokenView
from thermoscope.language.saying import say
from thermoscope.segments import complete


@dataclass(frozen=True, slots=True)
class Column:
    """One column of probabilities.

    Attributes
    ----------
    name
        The stage, or the temperature.
    does
        What is set there.
    survivors, entropy_nats
        Tokens that are left, and the entropy.
    removed_mass
        The share of the column before that a stage removed; None where no stage did.
    drawn
        The token that the seed draws from this column; None where it draws from another.
    """

    name: str
    does: str
    survivors: int
    entropy_nats: float
    removed_mass: float | None
    drawn: int | None


def columns(found: Inspection | TemperatureInspection) -> list[Column]:
    """The columns of an inspection: its stages, or its temperatures."""
    if isinstance(found, TemperatureInspection):
        return [Column(f"T={view.temperature:g}", f"T={view.temperature:g}", view.survivors, view.entropy_nats, None,
                       view.drawn) for view in found.temperatures]  # fmt: skip
    last = len(found.stages) - 1
    return [
        Column(stage.stage, stage.does or stage.stage, stage.survivors, stage.entropy_nats,
               None if stage.stage == "model" else stage.removed_mass, found.drawn if n == last else None)
        for n, stage in enumerate(found.stages)
    ]  # fmt: skip


def token_name(token: TokenView) -> str:
    """A token in quotes, so that spaces are seen; by its number where it has no text, or a part of a character."""
    return f"'{token.text}'" if complete(token.text) else f"<{token.token_id}>"


def percent(share: float) -> str:
    """A probability; "-" for none."""
    if share == 0:
        return "-"
    if share < 1e-4:
        return "<0.01%"
    return f"{share:.1%}" if share >= 0.0995 else f"{share:.2%}"


def drawn_sentences(found: Inspection | TemperatureInspection) -> list[str]:
    """What the seed draws, a sentence each; temperatures that draw the same are in one."""
    by_id = {token.token_id: token for token in found.tokens}
    if isinstance(found, Inspection):
        token = by_id[found.drawn]
        said: list[str] = [
            say(
                "Seed {seed} draws {token} here: rank {rank} in the model's distribution, probability {share}.",
                seed=found.seed, token=token_name(token), rank=token.rank, share=percent(token.probabilities[-1]),
            )
        ]  # fmt: skip
        acts: dict[bool | None, list[str]] = {
            None: [], True: [say("XTC acts at this step.")], False: [say("XTC does not act at this step.")],
        }  # fmt: skip
        return said + acts[found.xtc_acts]
    by_drawn: dict[int, list[str]] = {}
    for view in found.temperatures:
        by_drawn.setdefault(view.drawn, []).append(f"T={view.temperature:g}")
    parts = [
        say("{value} at {setting}", value=token_name(by_id[drawn]), setting=", ".join(names))
        for drawn, names in by_drawn.items()
    ]
    return [say("Seed {seed}, the same noise at every temperature, draws {parts}.", seed=found.seed,
                parts="; ".join(parts))]  # fmt: skip
