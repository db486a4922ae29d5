"""A run on 200 workers that die, in simulated time: what our own side of a cluster does with it.

Clock and engine are replaced (tests/sources/simulated.py): a piece of 128 texts takes 5 to 15 s, a worker dies with one
piece in fifty and is away for a minute. Plan, placing, and the folder with its files are the real ones. Printed:

made        texts per simulated second, and their share of what workers make that never wait for anybody
written     texts per real second that this process takes and writes, which bounds a cluster
pieces      how many were made, lost with a worker and made again, missing, written twice
memory      of this process after a tenth of the texts, and at the end
files       bytes per text
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.fakes import FakeModel
from tests.sources.simulated import SimulatedWorkers

from thermoscope.decode.progress import Progress
from thermoscope.decode.sample import Sample
from thermoscope.runs.make import make
from thermoscope.runs.plan import CHUNK_TEXTS, Chunk, Plan, plan_run
from thermoscope.runs.store import Store
from thermoscope.settings.grid import varied
from thermoscope.sources.local import LocalSource
from thermoscope.sources.spread import Described, Made, Spread, made
from thermoscope.usecases.load import parse

WORKERS, SECONDS, CHANCE, AWAY_S = 200, 10.0, 0.02, 60.0
TOKENS = 64
CASE = 'title = "x"\nobjective = "creative"\n[[prompts]]\ntext = "Once"\n'


class CountingStore(Store):
    """Counts how often each piece is written."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.written: Counter[int] = Counter()

    def add(self, chunk: Chunk, *rest: Any) -> None:
        """Write a piece."""
        self.written[chunk.number] += 1
        super().add(chunk, *rest)


def planned(source: LocalSource, texts: int) -> Plan:
    """As many prompts as make so many texts at 8 temperatures and 16 seeds."""
    prompts = [f"Prompt {number}" for number in range(texts // CHUNK_TEXTS)]
    settings = varied({"temperature": [0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6]})
    case = parse(CASE, Path("simulated.toml"))
    return plan_run(source, case, settings, prompts=prompts, seeds=16, max_new_tokens=TOKENS, max_rows=16)


def sampled(source: LocalSource, plan: Plan) -> tuple[Sample, ...]:
    """The texts of one piece, really generated; every piece gets these."""
    from thermoscope.sources.base import Batch

    found: list[Sample] = []

    def keep(_: int, samples: Sequence[Sample]) -> None:
        found.extend(samples)

    source.make([Batch("Prompt", plan.settings, plan.seeds)], max_new_tokens=TOKENS, max_rows=16, on_batch=keep)
    return tuple(found)


def simulate(texts: int, folder: Path) -> None:
    """Make a run of so many texts in a folder, and print what came of it."""
    source = LocalSource(FakeModel(end_bias=-50.0))
    plan, store = planned(source, texts), CountingStore(folder)
    samples = sampled(source, plan)

    def answer(function: Any, *arguments: Any) -> Any:
        if function is made:
            return Made(samples, arguments[0].effects, Described.of(source), (), None, "simulated")
        return function(source, *arguments)

    workers = SimulatedWorkers(WORKERS, seconds=SECONDS, chance_of_death=CHANCE, away_s=AWAY_S, answer=answer)
    memory: list[tuple[int, int]] = []

    def watch(state: Progress) -> None:
        if not memory or state.finished >= memory[-1][0] + plan.texts // 10:
            memory.append((state.finished, psutil.Process().memory_info().rss))

    with Spread(workers) as spread:
        clock, began = workers.clock, time.perf_counter()
        make(spread, plan, store, watch)
        simulated_s, real_s = workers.clock - clock, time.perf_counter() - began
    pieces = len(list(plan.chunks()))
    missing = sum(not store.has(chunk) for chunk in plan.chunks())
    twice = sum(times > 1 for times in store.written.values())
    share = workers.ideal_s(pieces) / simulated_s
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    tenth, end = memory[1][1] / 2**20, psutil.Process().memory_info().rss / 2**20
    print(f"made     {plan.texts / simulated_s:,.0f} texts/s by {WORKERS} workers, {share:.1%} of the ideal")
    print(f"written  {plan.texts / real_s:,.0f} texts/s of {TOKENS} tokens")
    print(f"pieces   {pieces:,} made; {workers.deaths} workers died; {missing} missing; {twice} written twice")
    print(f"memory   {tenth:,.0f} MB after a tenth of the texts, {end:,.0f} MB at the end")
    print(f"files    {size / plan.texts:,.0f} bytes per text, {3 * pieces:,} files")
    if missing or twice:
        raise SystemExit("a piece is missing, or was written twice")


def main() -> None:
    """Simulate a run of a million texts, or with --quick of 60,000."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="60,000 texts")
    parser.add_argument("--texts", type=int, default=1_000_000, help="how many texts (a million)")
    parser.add_argument("--folder", type=Path, help="keep the run here")
    arguments = parser.parse_args()
    texts = 60_000 if arguments.quick else arguments.texts
    if arguments.folder is not None:
        arguments.folder.mkdir(parents=True)
        simulate(texts, arguments.folder)
        return
    with tempfile.TemporaryDirectory() as folder:
        simulate(texts, Path(folder))


if __name__ == "__main__":
    main()
