"""How long a text is."""

from __future__ import annotations

import numpy as np

from thermoscope.metrics.registry import NOT_NEGATIVE, Measure

ENTRIES = (
    Measure(
        name="tokens",
        unit="tokens",
        direction="longer",
        minimum_tokens=0,
        source="-",
        meaning="number of tokens of the text, a final end-of-text token not counted",
        of=lambda texts: texts.tokens.lengths.astype(np.float64),
        bounds=NOT_NEGATIVE,
        shown=210,
        beside_text=True,
    ),
)
