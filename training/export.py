"""Step 4: write a checkpoint as the files of the package.

The folder opens with transformers' AutoModelForCausalLM and AutoTokenizer. Weights are stored in
float16; `dtype` in config.json says float32, because that is what a processor should compute in.
"""

import argparse
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import GenerationConfig, GPT2LMHeadModel

from training import checkpoint
from training.common import DEFAULT_RUN, BadInputError, need, read_json, run_step
from training.model import make_model

MAX_BYTES = 16_000_000
NOTICE = Path(__file__).with_name("weights_license.txt")


def newest(run: Path) -> Path:
    """Return the newest decayed checkpoint of a run, or the newest one if none has decayed yet."""
    found = checkpoint.checkpoints(run / "decayed") or checkpoint.checkpoints(run / "checkpoints")
    if not found:
        raise BadInputError(f"a checkpoint must exist: {run} has none; run python -m training.train first")
    return found[-1]


def open_checkpoint(run: Path, path: Path) -> GPT2LMHeadModel:
    """Load the float32 model of a checkpoint, ready to be evaluated."""
    state = checkpoint.load(path)
    vocab_size = state["model"]["transformer.wte.weight"].shape[0]
    shape = {name: state["recipe"][name] for name in ("width", "layers", "context")}
    model = make_model(vocab_size, dropout=0.0, **shape)
    model.load_state_dict(state["model"])
    return model.eval()


def export(run: Path, path: Path, folder: Path) -> int:
    """Write model, tokenizer and licence note to `folder`; return the size of all files in bytes."""
    model = open_checkpoint(run, path)
    folder.mkdir(parents=True, exist_ok=True)
    model.generation_config = GenerationConfig(bos_token_id=0, eos_token_id=0)
    model.save_pretrained(folder)
    weights = folder / "model.safetensors"
    half = {name: tensor.half() for name, tensor in load_file(weights).items()}
    if not all(torch.isfinite(tensor).all() for tensor in half.values()):
        raise BadInputError(f"weights must fit into float16: {path} has larger ones; lower --lr and train again")
    save_file(half, weights, metadata={"format": "pt"})
    weights.chmod(0o644)  # safetensors makes files that only their owner can read
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(need(run / "tokenizer" / name, "tokenizer"), folder / name)
    shutil.copyfile(NOTICE, folder / "LICENSE")
    size = sum(file.stat().st_size for file in folder.iterdir())
    if size > MAX_BYTES:
        raise BadInputError(f"all files together may have {MAX_BYTES} bytes: got {size}; train a smaller model")
    return size


def main() -> None:
    """Read the command line and export."""
    parser = argparse.ArgumentParser(prog="python -m training.export", description=__doc__)
    parser.add_argument("--run", type=Path, default=DEFAULT_RUN)
    parser.add_argument("--checkpoint", type=Path, help="default: the newest decayed one")
    parser.add_argument("--to", type=Path, default=Path("src/thermoscope/models/bundled"))
    args = parser.parse_args()
    path = args.checkpoint or newest(args.run)
    size = export(args.run, need(path, "train"), args.to)
    step = checkpoint.load(path)["step"]
    recipe = read_json(args.run / "recipe.json")
    tokens = step * recipe["batch_size"] * recipe["context"]
    print(f"{path} (step {step}, {tokens:,} tokens seen) -> {args.to}: {size:,} bytes")


if __name__ == "__main__":
    run_step(main)
