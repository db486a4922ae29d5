"""Draw ``docs/spectrum.svg``: the lines of one step of the bundled model, their upper envelope, and what it draws.

Run it again when the bundled model changes.
"""

from __future__ import annotations

from pathlib import Path

import torch

import thermoscope
from thermoscope.sampling.noise import Keys, prompt_key
from thermoscope.spectra.envelope import envelope

PROMPT, SEED, LOW, HIGH, OTHERS = "Once upon a time, there was a", 187, 0.0, 1.5, 60
LEFT, RIGHT, TOP, BOTTOM = 60, 700, 20, 330
COLOURS = ("#9c3a12", "#2b6cb0", "#2f855a", "#805ad5", "#b7791f", "#c53030")


def main() -> None:
    """Write the picture beside this file."""
    model = thermoscope.load_model()
    ids = model.encode(PROMPT)
    logits = model.next_token_logits(PROMPT).double().numpy()
    noise = (
        Keys([(SEED, prompt_key(ids), 0)]).gumbel_all(torch.zeros(1, dtype=torch.int64), model.vocabulary)[0].numpy()
    )
    segments = envelope(logits, noise, LOW, HIGH)
    top = max(logits[s.column] + t * noise[s.column] for s in segments for t in (s.low, s.high)) + 0.5
    floor = min(logits[s.column] + s.low * noise[s.column] for s in segments) - 5

    def x(t: float) -> float:
        return LEFT + (RIGHT - LEFT) * (t - LOW) / (HIGH - LOW)

    def y(score: float) -> float:
        return TOP + (BOTTOM - TOP) * (top - score) / (top - floor)

    def line(column: int, a: float, b: float, style: str) -> str:
        ends = [(t, logits[column] + t * noise[column]) for t in (a, b)]
        (x1, y1), (x2, y2) = ((x(t), y(score)) for t, score in ends)
        return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>'

    best = (logits + HIGH * noise).argsort()[::-1][:OTHERS].tolist() + logits.argsort()[::-1][:20].tolist()
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 400" font-family="sans-serif" font-size="13">',
        '<rect width="760" height="400" fill="#fbfaf7"/>',
        f'<clipPath id="box"><rect x="{LEFT}" y="{TOP}" width="{RIGHT - LEFT}" height="{BOTTOM - TOP}"/></clipPath>',
        '<g clip-path="url(#box)">',
        *(line(column, LOW, HIGH, 'stroke="#c9c5ba" stroke-width="1"') for column in dict.fromkeys(best)),
        *(
            line(s.column, s.low, s.high, f'stroke="{COLOURS[i % len(COLOURS)]}" stroke-width="4"')
            for i, s in enumerate(segments)
        ),
        "</g>",
        f'<path d="M{LEFT} {TOP}V{BOTTOM}H{RIGHT}" fill="none" stroke="#1d1f23"/>',
    ]
    for i in range(5):
        t = LOW + i / 4 * (HIGH - LOW)
        parts.append(f'<text x="{x(t):.0f}" y="{BOTTOM + 52}" text-anchor="middle" fill="#5a5f69">T = {t:g}</text>')
    for i, s in enumerate(segments):
        word = model.decode([s.column]).strip() or "?"
        colour = COLOURS[i % len(COLOURS)]
        parts.append(
            f'<rect x="{x(s.low):.1f}" y="{BOTTOM + 6}" width="{x(s.high) - x(s.low):.1f}" height="8" fill="{colour}"/>'
        )
        parts.append(
            f'<text x="{x((s.low + s.high) / 2):.1f}" y="{BOTTOM + 30}" text-anchor="middle" '
            f'fill="{colour}">{word}</text>'
        )
    middle = (TOP + BOTTOM) / 2
    parts.append(f'<text x="20" y="{middle}" fill="#1d1f23" transform="rotate(-90 20 {middle})" '
                 'text-anchor="middle">logit + T x noise</text>')  # fmt: skip
    parts.append("</svg>\n")
    (Path(__file__).parent / "spectrum.svg").write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
