"""One training run: its recipe, its state, one step, one evaluation."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from training import checkpoint
from training.common import BadInputError, append_jsonl, read_json, write_json
from training.heldout import bits_per_byte, document_nll
from training.model import choose_precision, lr_scale, make_model, make_optimizers, next_token_nll
from training.stream import Corpus, Windows


@dataclass
class Recipe:
    """What determines the weights; written to RUN/recipe.json at the first start and kept.

    `start_from` is a folder of weights that an earlier sitting exported after `first_step` steps: the learning rate
    rises anew from there, the optimizers' memory starts empty, and the text goes on where that sitting left it.
    """

    width: int = 256
    layers: int = 5
    context: int = 512
    dropout: float = 0.0
    batch_size: int = 16
    lr: float = 2e-3
    weight_decay: float = 0.1
    warmup: int = 50
    seed: int = 0
    precision: str = "auto"
    start_from: str = ""
    first_step: int = 0


def load_recipe(run: Path, given: dict[str, Any]) -> Recipe:
    """Read RUN/recipe.json, or make it from the given values; refuse to change it half-way."""
    path = run / "recipe.json"
    if path.exists():
        recipe = Recipe(**read_json(path))
        for name, value in given.items():
            if value != getattr(recipe, name):
                raise BadInputError(
                    f"--{name.replace('_', '-')} can't change during a run: it is"
                    f" {getattr(recipe, name)}, got {value}; name a new folder with --run"
                )
        return recipe
    recipe = Recipe(**given)
    if recipe.precision == "auto":
        recipe.precision = choose_precision(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    write_json(path, asdict(recipe))
    return recipe


def start_with(model: torch.nn.Module, folder: Path) -> None:
    """Load the weights that an earlier sitting exported (float16 -> float32; the tied head is the embedding)."""
    if not (folder / "model.safetensors").is_file():
        raise BadInputError(f"--start-from must be a folder of exported weights: {folder} has no model.safetensors")
    weights = {name: tensor.float() for name, tensor in load_file(folder / "model.safetensors").items()}
    weights["lm_head.weight"] = weights.get("transformer.wte.weight", torch.empty(0))
    shapes, needed = ({n: tuple(t.shape) for n, t in w.items()} for w in (weights, model.state_dict()))
    if shapes != needed:
        name = next(n for n in sorted(shapes | needed) if shapes.get(n) != needed.get(n))
        raise BadInputError(
            f"--start-from must have the recipe's shape: {name} is {shapes.get(name)}, needs {needed.get(name)};"
            " give the --width, --layers and --context that it was trained with"
        )
    model.load_state_dict(weights)


class Trainer:
    """A model, its optimizers and its place in the stream of text."""

    def __init__(self, run: Path, recipe: Recipe, *, microbatch: int = 4, decay_steps: int = 0):
        torch.manual_seed(recipe.seed)
        self.run, self.recipe, self.microbatch, self.decay_steps = run, recipe, microbatch, decay_steps
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.windows = Windows(Corpus(run, "train"), recipe.context, recipe.batch_size, recipe.seed)
        self.heldout = Corpus(run, "heldout")
        vocab_size = len(read_json(run / "tokenizer" / "tokenizer.json")["model"]["vocab"])
        self.model = make_model(
            vocab_size,
            width=recipe.width,
            layers=recipe.layers,
            context=recipe.context,
            dropout=recipe.dropout,
        ).to(self.device)
        if self.device.type == "cpu" and recipe.precision == "bf16":
            # a step of 1.15 s instead of 1.41 s with torch's fused attention; in float32 that is the faster by a tenth
            self.model.set_attn_implementation("eager")
        if recipe.start_from:
            start_with(self.model, Path(recipe.start_from))
        self.optimizers = make_optimizers(self.model, recipe.lr, recipe.weight_decay, recipe.precision)
        self.step, self.seconds = recipe.first_step, 0.0
        self.decay_start: int | None = None
        self.folder = run / ("decayed" if decay_steps else "checkpoints")
        self._resume()

    def _resume(self) -> None:
        stable = checkpoint.checkpoints(self.run / "checkpoints")
        decayed = checkpoint.checkpoints(self.folder) if self.decay_steps else []
        if not stable and self.decay_steps:
            raise BadInputError("--decay-steps needs a checkpoint to start from: got none; train without it first")
        if stable:
            self._load(stable[-1])
        if self.decay_steps:
            self.decay_start = self.step
            if decayed and checkpoint.load(decayed[-1])["decay_start"] == self.step:
                self._load(decayed[-1])

    def _load(self, path: Path) -> None:
        state = checkpoint.load(path, restore_rng=True)
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.seconds, self.decay_start = state["step"], state["seconds"], state["decay_start"]

    def save(self) -> None:
        """Save a checkpoint of this step."""
        checkpoint.save(
            self.folder,
            self.step,
            {
                "model": self.model.state_dict(),
                "optimizers": [o.state_dict() for o in self.optimizers],
                "seconds": self.seconds,
                "decay_start": self.decay_start,
                "recipe": asdict(self.recipe),
            },
        )

    @property
    def tokens_per_step(self) -> int:
        """Tokens that one step predicts."""
        return self.recipe.batch_size * self.recipe.context

    @property
    def finished(self) -> bool:
        """Whether a decaying run has come to its end (a constant one never does)."""
        return self.decay_start is not None and self.step >= self.decay_start + self.decay_steps

    def train_step(self) -> float:
        """Take one step; return the mean loss in nats per token."""
        start = time.process_time()
        since = self.step - self.recipe.first_step
        decay_start = None if self.decay_start is None else self.decay_start - self.recipe.first_step
        scale = lr_scale(since, self.recipe.warmup, decay_start, self.decay_steps)
        self.model.train()
        batch = self.windows.batch(self.step)
        loss_sum = 0.0
        for rows in batch.split(self.microbatch):
            loss = next_token_nll(self.model, rows, self.recipe.precision).mean() * (len(rows) / len(batch))
            loss.backward()
            loss_sum += float(loss.detach())
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.recipe.lr * scale
            optimizer.step()
            optimizer.zero_grad()
        self.step += 1
        self.seconds += time.process_time() - start  # of processor time: a paused run doesn't age
        return loss_sum

    def evaluate(self, train_loss: float) -> dict[str, Any]:
        """Measure the held-out documents and add a line to RUN/curve.jsonl."""
        nll = document_nll(self.model, self.heldout, self.recipe.precision)
        line = {
            "step": self.step,
            "tokens": self.step * self.tokens_per_step,
            "first_step": self.recipe.first_step,
            "decay_start": self.decay_start,
            "cpu_seconds": round(self.seconds),
            "train_nats": round(train_loss, 4),
            "bits_per_byte": {k: round(v, 4) for k, v in bits_per_byte(nll, self.heldout).items()},
        }
        append_jsonl(self.run / "curve.jsonl", line)
        return line
