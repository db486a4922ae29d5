"""The evidence of a comparison: its texts' measures with intervals, its seeds being the units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thermoscope.comparison.comparison import Comparison


@dataclass(frozen=True, slots=True)
class ComparisonTables:
    """The tables of a comparison as rows; settings are places in ``Comparison.settings``.

    Attributes
    ----------
    measured
        Per measure and ``setting``: mean, low, high, band_low, band_high, units, texts.
    differences
        Per measure and pair ``setting_a``, ``setting_b``.
    groups
        Per ``setting`` (and ``prompt``, always 0): measures of all its texts together.
    """

    measured: tuple[Mapping[str, Any], ...]
    differences: tuple[Mapping[str, Any], ...]
    groups: tuple[Mapping[str, Any], ...]


def tables(comparison: Comparison) -> ComparisonTables:
    """Measure the texts of a comparison together; empty if none was finished."""
    if not comparison.texts:
        return ComparisonTables((), (), ())
    from thermoscope.metrics.table import group_table
    from thermoscope.metrics.texts import Texts
    from thermoscope.statistics.evidence import Evidence

    evidence = Evidence(Texts.from_samples([text.measured for text in comparison.texts]))
    # rows are in the order of settings with a finished text: two settings may do the same and yet be asked for apart
    place = [comparison.settings.index(setting) for setting in evidence.settings]
    pairs = [(place[a], place[b]) for a, b in evidence.pairs().tolist()]
    measured, differences = evidence.settings_table().to_pylist(), evidence.differences_table().to_pylist()
    groups = group_table(evidence.texts, evidence.of_groups).to_pylist()
    of_groups = evidence.texts.group_setting.tolist()
    return ComparisonTables(
        tuple(row | {"setting": place[i % len(place)]} for i, row in enumerate(measured)),
        tuple(
            row | dict(zip(("setting_a", "setting_b"), pairs[i % len(pairs)], strict=True))
            for i, row in enumerate(differences)
        ),
        tuple(row | {"setting": place[of_groups[i]], "prompt": 0} for i, row in enumerate(groups)),
    )
