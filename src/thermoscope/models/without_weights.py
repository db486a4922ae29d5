"""A model's tokens, chat template and configuration without its weights, which an engine keeps."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

from thermoscope.errors import InputError
from thermoscope.models.chat import ChatStyle
from thermoscope.models.folders import refuse_other_folders
from thermoscope.models.huggingface import TransformersModel
from thermoscope.models.load import BUNDLED
from thermoscope.models.names import ModelName
from thermoscope.models.quiet import quiet
from thermoscope.models.where import Where, commit_of, content_hash, explained, is_there, on_the_hub


class ModelWithoutWeights(TransformersModel):
    """What texts need of a model that an engine runs. It has no logits."""

    #: Where its files are: a folder or a name of the hub.
    source: str

    @property
    def notes(self) -> tuple[str, ...]:
        """How prompts are given to it, a sentence each."""
        return (*self._prompt_notes(), *self.loading_notes)

    def rows(self, *, capacity: int, length: int) -> NoReturn:
        """Refuse: the engine keeps the logits.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError(f"{self.name} keeps its logits to itself; load the model here for what needs them")


def load_without_weights(
    name: ModelName,
    *,
    revision: str | None = None,
    dtype: str = "auto",
    device: str = "cpu",
    chat: bool | None = None,
    system: str | None = None,
    chat_options: Mapping[str, Any] | None = None,
) -> ModelWithoutWeights:
    """Load all of a model but its weights; ``dtype`` and ``device`` are the engine's, the rest as in ``load_model``.

    Raises
    ------
    InputError
        It is a GGUF file, a revision is asked of a folder, or a chat of a model that has no template.
    ModelError
        Not found, no network, or no tokenizer.
    """
    from transformers import AutoConfig, AutoTokenizer, GenerationConfig

    if name.model == "smollm2" or name.model.lower().endswith(".gguf"):
        raise InputError(f"the engine needs a folder or a name of the hub; got {name.given!r}; leave the provider out")
    source = str(BUNDLED) if name.model == "bundled" else os.path.expanduser(name.model)  # noqa: PTH111
    here = is_there(Path.is_dir, Path(source))
    if here:
        refuse_other_folders(Path(source), name.given)
        if revision is not None:
            raise InputError(f"revision is for models of the hub; got {revision!r} for {name.given}; leave it out")
    with quiet(), explained(name.given, revision, None):
        where = Where(source, None, offline=True) if here else on_the_hub(source, revision)
        config, tokenizer = where.load(AutoConfig), where.load(AutoTokenizer)
        try:
            generation = where.load(GenerationConfig)
        except OSError:  # not every model has one
            generation = None
    network = SimpleNamespace(dtype=dtype, device=device, config=config, generation_config=generation)
    commit = content_hash(Path(source)) if here else commit_of(source, revision)
    model = ModelWithoutWeights(network, tokenizer, name=name.given, revision=commit)
    model.source = source
    model.use_chat(ChatStyle(chat, system, dict(chat_options or {})))
    return model
