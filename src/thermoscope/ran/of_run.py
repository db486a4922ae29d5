"""What ran for a stored run, from its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from thermoscope.language.saying import phrase, say
from thermoscope.ran.provenance import WhatRan
from thermoscope.settings.params import SamplingParams


def what_ran(manifest: Mapping[str, Any], folder: str) -> WhatRan:
    """The resolved circumstances of a complete run; ``folder`` is where it is kept."""
    plan, seconds = manifest["plan"], manifest["seconds_last"]
    whole = manifest["texts_made_last"] == manifest["texts"]  # else the time is that of a part
    rate = f"{manifest['tokens'] / seconds['generating']:.0f}" if whole else ""
    speed = say(", {rate} tokens/s", rate=rate) if whole else ""
    return WhatRan(
        command=manifest["command"],
        versions=dict(manifest["versions"]),
        settings=_settings(plan),
        seeds=tuple(plan["seeds"]),
        max_new_tokens=plan["max_new_tokens"],
        stop=tuple(plan["stop"]),
        model=plan["model"],
        revision=plan["revision"],
        dtype=plan["dtype"],
        device=plan["device"],
        notes=tuple(manifest["notes"]),
        shared_noise=manifest.get("shared_noise", True),
        details={
            phrase("run"): f"{folder} (id {manifest['id']})",
            phrase("texts"): say("{n} with {tokens} tokens", n=manifest["texts"], tokens=manifest["tokens"]),
            phrase("time"): say(
                "generating {generating} s, measuring {measuring} s{speed}",
                generating=f"{seconds['generating']:.1f}",
                measuring=f"{seconds['measuring']:.1f}",
                speed=speed,
            ),
            **manifest.get("spent", {}),
        },
    )


def _settings(plan: Mapping[str, Any]) -> tuple[SamplingParams, ...]:
    names = plan.get("names") or [None] * len(plan["settings"])
    made = [SamplingParams(**setting) for setting in plan["settings"]]
    return tuple(s if name is None else s.named(name) for s, name in zip(made, names, strict=True))
