"""Step 3: train, resumable at any time; or branch off with a decaying learning rate.

Without --decay-steps the learning rate rises, then stays: run it as long as the held-out curve
falls, stop it (Ctrl-C or SIGTERM: it saves), start it again, and it goes on. With --decay-steps N
the newest checkpoint is trained N steps further while the learning rate falls to 0, in
RUN/decayed/: that is the model to export. The constant run isn't touched and can go on.

RUN/curve.jsonl gets a line of held-out bits per byte by group every --eval-every steps.
"""

import argparse
import os
import signal
import time
from dataclasses import fields
from pathlib import Path

from training.common import DEFAULT_RUN, keep_freed_memory, need, run_step, write_text
from training.trainer import Recipe, Trainer, load_recipe


def train(trainer: Trainer, *, steps: int | None, eval_every: int, save_every: int) -> None:
    """Train until `steps` (counted from the very start), the end of the decay, or a stop signal."""
    stop = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.append(True))
    losses, since = [], time.perf_counter()
    while not (stop or trainer.finished or (steps is not None and trainer.step >= steps)):
        losses.append(trainer.train_step())
        if trainer.step % 10 == 0:
            rate = len(losses[-10:]) * trainer.tokens_per_step / (time.perf_counter() - since)
            since = time.perf_counter()
            recent = sum(losses[-50:]) / len(losses[-50:])
            print(
                f"step {trainer.step} tokens {trainer.step * trainer.tokens_per_step:,}"
                f" loss {recent:.3f} nats {rate:,.0f} tokens/s",
                flush=True,
            )
        if trainer.step % save_every == 0:
            trainer.save()
        if trainer.step % eval_every == 0 or trainer.finished:
            line = trainer.evaluate(sum(losses[-50:]) / len(losses[-50:]))
            print("held out", line["bits_per_byte"], flush=True)
            since = time.perf_counter()
    trainer.save()


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(
        prog="python -m training.train",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--run", type=Path, default=DEFAULT_RUN)
    for field in fields(Recipe):
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=type(field.default),
            default=None,
            help=f"default {field.default}; fixed once a run has begun",
        )
    parser.add_argument("--steps", type=int, help="stop at this step, counted from the very start")
    parser.add_argument("--decay-steps", type=int, default=0, help="branch off, decay over so many steps")
    parser.add_argument("--microbatch", type=int, default=4, help="windows per forward pass; more on a GPU")
    parser.add_argument("--eval-every", type=int, default=150)
    parser.add_argument("--save-every", type=int, default=50)
    args = parser.parse_args()
    need(args.run / "tokenizer" / "tokenizer.json", "tokenizer")
    keep_freed_memory()
    given = {f.name: getattr(args, f.name) for f in fields(Recipe) if getattr(args, f.name) is not None}
    trainer = Trainer(args.run, load_recipe(args.run, given), microbatch=args.microbatch, decay_steps=args.decay_steps)
    write_text(args.run / "train.pid", f"{os.getpid()}\n")
    train(trainer, steps=args.steps, eval_every=args.eval_every, save_every=args.save_every)


if __name__ == "__main__":
    run_step(main)
