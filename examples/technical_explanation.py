"""The article's third experiment, over eight seeds: 0.9 (too high, it says) against 0.7."""

from statistics import fmean

import thermoscope

comparison = thermoscope.compare(
    thermoscope.load_model(),
    "Explain how blockchain works in simple terms.",
    settings=[0.9, 0.7],
    params=thermoscope.SamplingParams(top_k=50),
    seeds=range(8),
    max_length=200,
)
for setting in comparison.settings:
    texts = [text for text in comparison.texts if text.sample.params == setting]
    for name in ("rep_4", "perplexity", "entropy"):
        values = [text.measures[name] for text in texts]
        print(f"T={setting.temperature} {name:10} mean {fmean(values):6.2f}  {min(values):.2f} to {max(values):.2f}")
print(*comparison.reading, sep="\n")
