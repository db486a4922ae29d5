"""The article's function and its first experiment: one prompt at three temperatures."""

import thermoscope

MODEL = thermoscope.load_model()  # the bundled model; thermoscope.load_model("gpt2") is the article's own


def generate_with_temperature(prompt: str, temperature: float, max_length: int = 200, seed: int = 0) -> str:
    """Prompt and continuation, ``max_length`` tokens in all; top_k=50 is what transformers applies unasked."""
    params = thermoscope.SamplingParams(temperature=temperature, top_k=50)
    (sample,) = thermoscope.generate(MODEL, prompt, params, seeds=[seed], max_length=max_length)
    return prompt + sample.text


if __name__ == "__main__":
    for temperature in (0.3, 0.5, 0.9):
        print(f"--- temperature {temperature}")
        print(generate_with_temperature("What are some of the best strategies within NFL Fantasy", temperature))
