"""What ran for a stored run, from its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from thermoscope.ran.provenance import WhatRan
from thermoscope.settings.params import SamplingParams


def what_ran(manifest: Mapping[str, Any], folder: str) -> WhatRan:
    """The resolved circumstances of a complete run; ``folder`` is where it is kept."""
    plan, seconds = manifest["plan"], manifest["seconds_last"]
    whole = manifest["texts_made_last"] == manifest["texts"]  # else the time is that of a part
    speed = f", {manifest['tokens'] / seconds['generating']:.0f} tokens/s" if whole else ""
    return WhatRan(
        command=manifest["command"],
        versions=dict(manifest["versions"]),
        settings=tuple(SamplingParams(**setting) for setting in plan["settings"]),
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
            "run": f"{folder} (id {manifest['id']})",
            "texts": f"{manifest['texts']} with {manifest['tokens']} tokens",
            "time": f"generating {seconds['generating']:.1f} s, measuring {seconds['measuring']:.1f} s{speed}",
            **manifest.get("spent", {}),
        },
    )
