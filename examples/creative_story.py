"""The article's second experiment: a story at a temperature that is too low, and at one that is right."""

import thermoscope

PROMPT = "Once upon a time, in a distant galaxy, there was a spaceship called Voyager."

comparison = thermoscope.compare(
    thermoscope.load_model(),
    PROMPT,
    settings=[0.2, 0.9],
    params=thermoscope.SamplingParams(top_k=50),
    max_length=200,
)
for text in comparison.texts:
    rep_4, loop = text.measures["rep_4"], text.loop
    print(f"--- T={text.sample.params.temperature}: rep_4 {rep_4:.2f}, {'a loop' if loop else 'no loop'}")
    print(PROMPT + text.sample.text)
print("---", *comparison.reading, sep="\n")
