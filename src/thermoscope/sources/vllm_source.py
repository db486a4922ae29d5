"""vLLM in this process as a source of texts: its engine computes, the tokens are drawn by ``sources/vllm.py``."""

from __future__ import annotations

import itertools
import json
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import Any

from thermoscope.checks import one_of
from thermoscope.cpu import probe
from thermoscope.decode.branch import Branch
from thermoscope.decode.drawing import sample_of
from thermoscope.decode.ending import Endings
from thermoscope.decode.progress import Progress
from thermoscope.decode.records import TokenRecord
from thermoscope.decode.request import Request, requests_for, stop_strings
from thermoscope.decode.sample import Sample
from thermoscope.errors import ModelError
from thermoscope.models.base import Model
from thermoscope.models.load import DTYPES
from thermoscope.models.names import ModelName
from thermoscope.models.where import first_line
from thermoscope.models.without_weights import ModelWithoutWeights, load_without_weights
from thermoscope.sources.base import Batch, Capabilities
from thermoscope.sources.keyed import MADE_HERE, NUMBER, MadeHere
from thermoscope.sources.local import ModelSource
from thermoscope.sources.vllm_arguments import check_known

#: One process, so that records can be read where they are made; the runner that has this kind of logits processor.
_ENVIRONMENT = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_USE_V2_MODEL_RUNNER": "0"}
#: What vLLM is told unless the user's environment says something else.
_USUAL = {"VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1"}
#: The share of the memory that vLLM may take on a CPU.
_CPU_MEMORY = 0.5
_numbers = itertools.count(1)


@dataclass(slots=True)
class _Text:
    """A text that is being made: where it belongs, its request, and its tokens so far."""

    batch: int
    place: int
    request: Request
    branch: Branch[int]


class VllmSource(ModelSource):
    """Texts from vLLM in this process, equal to those of a model that runs here up to the engine's own rounding.

    Parameters
    ----------
    model
        All of the model but its weights.
    engine
        vLLM's ``LLMEngine`` with ``Keyed`` among its logits processors.
    words
        The options of the command line that it was opened with.
    """

    can = Capabilities(logits=False, shared_noise=True, seeds="exact", logprobs="raw", top_logprobs=0)

    def __init__(self, model: ModelWithoutWeights, engine: Any, words: Sequence[str] = ()) -> None:
        super().__init__(model)
        self._engine, self._words = engine, tuple(words)

    @property
    def chat_words(self) -> tuple[str, ...]:
        """The options that say how prompts are given and what vLLM was told."""
        return (*super().chat_words, *self._words)

    @property
    def notes(self) -> tuple[str, ...]:
        """How prompts are given to it, and which engine computed."""
        import vllm

        return (*super().notes, f"vLLM {vllm.__version__} computed the logits; tokens were drawn by Thermoscope")

    def rows_in_flight(self, prompts: Sequence[str], max_new_tokens: int, texts: int) -> None:
        """Nothing: vLLM's scheduler decides."""

    def make(
        self,
        batches: Sequence[Batch],
        *,
        max_new_tokens: int,
        stop: Sequence[str] = (),
        max_rows: int | None = None,
        on_sample: Callable[[int, int, Sample], None] | None = None,
        on_batch: Callable[[int, Sequence[Sample]], None] | None = None,
        on_token: Callable[[int, int, int, TokenRecord], None] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        """Generate the texts of all batches at once; parameters as in ``Source``, errors as in ``generate``."""
        work = _Work(self.model, self._engine, batches, max_new_tokens, stop_strings(stop), max_rows)
        samples: list[list[Sample | None]] = [[None] * len(batch) for batch in batches]
        try:
            while work.goes_on:
                for text, sample in work.step(on_token):
                    samples[text.batch][text.place] = sample
                    if on_sample is not None:
                        on_sample(text.batch, text.place, sample)
                    whole = [one for one in samples[text.batch] if one is not None]
                    if on_batch is not None and len(whole) == len(batches[text.batch]):
                        on_batch(text.batch, whole)
                if on_progress is not None:
                    on_progress(work.progress)
        finally:
            work.close()


class _Work:
    """The texts of one call: those that wait, those in the engine, and how far they are."""

    def __init__(
        self,
        model: Model,
        engine: Any,
        batches: Sequence[Batch],
        max_new_tokens: int,
        stop: Sequence[str],
        most: int | None,
    ) -> None:
        self._model, self._engine, self._most = model, engine, most
        self._endings = Endings(model, stop)
        self._flying: dict[str, _Text] = {}
        self._waiting: deque[tuple[Batch, _Text]] = deque()
        for number, batch in enumerate(batches):
            made = requests_for(model, batch.prompt, batch.settings, batch.seeds, max_new_tokens, None)
            for place, request in enumerate(made):
                branch = Branch(request.prompt_ids, 0, [], [place])
                self._waiting.append((batch, _Text(number, place, request, branch)))
        total = len(self._waiting)
        self.progress = Progress(0, total, 0, total * max_new_tokens, 0)

    @property
    def goes_on(self) -> bool:
        """Whether there are texts to make."""
        return bool(self._waiting or self._flying)

    def step(self, on_token: Callable[[int, int, int, TokenRecord], None] | None) -> list[tuple[_Text, Sample]]:
        """One step of the engine; the texts that it finished."""
        while self._waiting and (self._most is None or len(self._flying) < self._most):
            self._start(*self._waiting.popleft())
        finished: list[tuple[_Text, Sample]] = []
        state = self.progress
        tokens, spared = state.tokens, 0
        for output in self._engine.step():
            text = self._flying.get(output.request_id)
            if text is None:
                continue
            for token in output.outputs[0].token_ids:
                text.branch.tokens.append(token)
                tokens += 1
                if on_token is not None:
                    on_token(text.batch, text.place, token, text.request.records[len(text.branch.tokens) - 1])
                sample = self._close(output.request_id, text, ended=output.finished)
                if sample is not None:
                    finished.append((text, sample))
                    spared += text.request.max_new_tokens - len(text.branch.tokens)
                    break
        done, most = state.finished + len(finished), state.most_tokens - spared
        self.progress = Progress(done, state.samples, tokens, most, tokens)
        if finished and not state.finished:
            probe.text_is_there(most - tokens)
        return finished

    def _start(self, batch: Batch, text: _Text) -> None:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        number = next(_numbers)
        MADE_HERE[number] = MadeHere(text.request, batch.effects, frozenset(self._model.end_of_text))
        params = SamplingParams(
            temperature=0.0,
            max_tokens=text.request.max_new_tokens,
            stop_token_ids=sorted(self._model.end_of_text),
            ignore_eos=True,  # the tokens above are what ends a text
            detokenize=False,
            output_kind=RequestOutputKind.DELTA,
            extra_args={NUMBER: number},
        )
        name = str(number)
        self._flying[name] = text
        self._engine.add_request(name, {"prompt_token_ids": list(text.request.prompt_ids)}, params)

    def _close(self, name: str, text: _Text, *, ended: bool) -> Sample | None:
        """The sample of a text whose last token ended it."""
        _, ending = self._endings.close(text.branch, lambda _: text.request.max_new_tokens)
        if ending is None:
            return None
        del self._flying[name], MADE_HERE[int(name)]
        if not ended:  # a stop string, which the engine does not know
            self._engine.abort_request([name])
        text.request.forget(len(text.branch.tokens))
        return sample_of(text.request, ending)

    def close(self) -> None:
        """Take what is left out of the engine, after an interrupt or an error."""
        if self._flying:
            with suppress(Exception):  # an engine that has failed says so in the error that is under way
                self._engine.abort_request(list(self._flying))
        for name in self._flying:
            MADE_HERE.pop(int(name), None)


def open_vllm(
    name: ModelName,
    *,
    revision: str | None = None,
    dtype: str | None = None,
    chat: bool | None = None,
    system: str | None = None,
    chat_options: Mapping[str, Any] | None = None,
    **engine: Any,
) -> VllmSource:
    """A model of vLLM's in this process.

    Parameters
    ----------
    name
        ``vllm/NAME``, parsed.
    revision, dtype, chat, system, chat_options
        As in ``load_model``.
    engine
        More of vLLM's arguments, such as ``max_model_len`` or ``gpu_memory_utilization``; ``check_in_vllm`` takes them.

    Raises
    ------
    InputError
        A value breaks its rule.
    ModelError
        The model can't be loaded, or vLLM does not run it.
    """
    if dtype is not None:
        one_of("dtype", dtype, DTYPES)
    model = load_without_weights(name, revision=revision, chat=chat, system=system, chat_options=chat_options)
    os.environ.update(_ENVIRONMENT)
    for variable, value in _USUAL.items():
        os.environ.setdefault(variable, value)
    from vllm import LLM
    from vllm.engine.arg_utils import EngineArgs

    from thermoscope.sources.vllm import Keyed

    check_known(engine, [field.name for field in fields(EngineArgs)])
    usual: dict[str, Any] = {"max_model_len": -1, "disable_log_stats": True}
    if not _has_gpu():  # of the CPU's memory vLLM would ask for nine tenths, which other programs have
        usual |= {"enforce_eager": True, "gpu_memory_utilization": _CPU_MEMORY}
    try:
        llm = LLM(
            model.source,
            revision=revision,
            dtype=dtype or "float32",
            logits_processors=[Keyed],
            generation_config="vllm",
            async_scheduling=False,
            **(usual | engine),
        )
    except (ValueError, RuntimeError, OSError, NotImplementedError) as error:
        raise ModelError(f"vLLM cannot load {name.given!r}: {first_line(error, 300)}") from error
    config = llm.llm_engine.vllm_config
    model.dtype = str(config.model_config.dtype).removeprefix("torch.")
    model.device = str(config.device_config.device)
    model.context_length = int(config.model_config.max_model_len)
    return VllmSource(model, llm.llm_engine, [f"-M{name}={json.dumps(value)}" for name, value in engine.items()])


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
