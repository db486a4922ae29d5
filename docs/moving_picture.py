"""Draw ``docs/temperature.svg``, the moving picture of the README: every text that one prompt and seed give.

The prompt is given to SmolLM2 (``thermoscope models get smollm2``). A marker goes along the axis of temperature; below
it stands the text of that temperature, with the words that have just changed in colour. Whoever has asked for less
motion sees the text at T = 0.7.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from textwrap import wrap
from xml.sax.saxutils import escape

import thermoscope

PROMPT, SEED, HIGH, RESOLUTION, STILL = "Explain rain to a child in one sentence.", 2, 1.5, 0.03, 0.7
SECONDS, WIDTH, LEFT, RIGHT, AXIS, TOP, LINE, COLUMNS = 22, 760, 40, 720, 74, 128, 27, 64
STYLE = """
text { font-family: ui-sans-serif, system-ui, "Segoe UI", sans-serif; fill: #1d1f23 }
.quiet { fill: #5a5f69; font-size: 14px }
.said { font-size: 19px }
.new { fill: #9c3a12; font-weight: 600 }
"""


def changed(words: list[str], before: list[str]) -> set[int]:
    """Which words are not those of the text before."""
    same = difflib.SequenceMatcher(a=before, b=words, autojunk=False).get_matching_blocks()
    return set(range(len(words))) - {block.b + i for block in same for i in range(block.size)}


def lines(words: list[str], new: set[int]) -> str:
    """A text as lines of words, those that are new in colour."""
    parts, at = [], 0
    for number, line in enumerate(wrap(" ".join(words), COLUMNS, break_long_words=False, break_on_hyphens=False)):
        spans = []
        for word in line.split(" "):
            spans.append(f'<tspan class="new">{escape(word)}</tspan>' if at in new else escape(word))
            at += 1
        parts.append(f'<text class="said" x="{LEFT}" y="{TOP + number * LINE}">{" ".join(spans)}</text>')
    return "".join(parts)


def x(temperature: float) -> float:
    """The place of a temperature on the axis."""
    return LEFT + (RIGHT - LEFT) * temperature / HIGH


def picture(spectrum: thermoscope.Spectrum) -> str:
    """The whole drawing."""
    leaves = spectrum.leaves
    texts = [spectrum.at(leaf.high).text.split() for leaf in leaves]
    height = TOP + LINE * max(len(wrap(" ".join(words), COLUMNS)) for words in texts) + 4
    moves, groups = [], []
    for number, (leaf, words) in enumerate(zip(leaves, texts, strict=True)):
        start, end = (100 * t / HIGH for t in (leaf.low, leaf.high))
        still = "1" if leaf.low < STILL <= leaf.high else "0"
        moves.append(
            f"@keyframes t{number} {{ 0%, {start:.2f}% {{ opacity: 0 }} {start + 0.01:.2f}%, {end:.2f}% "
            f"{{ opacity: 1 }} {min(end + 0.01, 100):.2f}%, 100% {{ opacity: {int(number == len(leaves) - 1)} }} }}"
            f" .t{number} {{ opacity: {still}; animation: t{number} {SECONDS}s linear infinite }}"
        )
        new = changed(words, texts[number - 1]) if number else set()
        groups.append(f'<g class="t{number}">{lines(words, new)}</g>')
    borders = "".join(
        f'<line x1="{x(leaf.low):.1f}" x2="{x(leaf.low):.1f}" y1="{AXIS - 7}" y2="{AXIS}" stroke="#1d1f23"/>'
        for leaf in leaves[1:]
    )
    scale = "".join(
        f'<text class="quiet" x="{x(t):.1f}" y="{AXIS + 19}" text-anchor="middle">{t:g}</text>'
        for t in (0, 0.25, 0.5, 0.75, 1, 1.25, 1.5)
    )
    away = x(HIGH) - x(0)
    moves.append(
        f"@keyframes along {{ from {{ transform: translateX(0) }} to {{ transform: translateX({away}px) }} }}"
        f" .along {{ transform: translateX({x(STILL) - x(0):.1f}px); animation: along {SECONDS}s linear infinite }}"
        " @media (prefers-reduced-motion: reduce) { * { animation: none !important } }"
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">
<title>Every text that one prompt and seed give between temperature 0 and {HIGH}</title>
<style>{STYLE}{"".join(moves)}</style>
<rect width="{WIDTH}" height="{height}" rx="8" fill="#fbfaf7"/>
<text class="quiet" x="{LEFT}" y="34">{escape(PROMPT)}</text>
<text class="quiet" x="{RIGHT}" y="34" text-anchor="end">SmolLM2-135M, one seed, {len(leaves)} texts</text>
<path d="M{LEFT} {AXIS}H{RIGHT}" stroke="#1d1f23"/>{borders}{scale}
<path class="along" d="M{LEFT} {AXIS - 4}l-7 -14h14z" fill="#9c3a12"/>
{"".join(groups)}
</svg>
"""


def main() -> None:
    """Write the picture beside this file."""
    model = thermoscope.load_model("smollm2")
    found = thermoscope.spectrum(
        model, PROMPT, temperature=(0, HIGH), seeds=[SEED], max_new_tokens=40, resolution=RESOLUTION
    )
    (Path(__file__).parent / "temperature.svg").write_text(picture(found[0]), encoding="utf-8")


if __name__ == "__main__":
    main()
