"""Settings of requests, and all that the page must know of them, from the table of stages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from thermoscope.settings.orders import ORDERS
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.stages import STAGES
from thermoscope.web.schemas import ParameterInfo, StageInfo


def setting_of(given: Mapping[str, Any], name: str | None = None) -> SamplingParams:
    """The setting of a request.

    Raises
    ------
    ParameterError
        A parameter is unknown, or a value breaks its rule.
    """
    setting = _known(json.dumps({key: value for key, value in given.items() if value is not None}))
    return setting if name is None else setting.named(name)


@lru_cache(maxsize=256)
def _known(written: str) -> SamplingParams:
    """The setting of some JSON: pages ask with the same one again and again, and it never changes."""
    return SamplingParams(**json.loads(written))


def stages() -> list[StageInfo]:
    """Every stage in the default order."""
    fields = SamplingParams.model_fields
    return [
        StageInfo(
            name=stage.name,
            rule=stage.rule,
            truncates=stage.truncates,
            by_token=stage.by_token,
            parameters=[
                ParameterInfo(
                    name=p.name, help=p.help, domain=p.domain, inert=p.inert, shapes=p.shapes, is_list=p.is_list,
                    default=fields[p.name].default,
                )
                for p in stage.parameters
            ],
        )
        for stage in (STAGES[name] for name in SamplingParams().order)
    ]  # fmt: skip


def orders() -> dict[str, list[str]]:
    """The orders that have a name."""
    return {name: list(order) for name, order in ORDERS.items()}
