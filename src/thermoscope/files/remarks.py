"""What should be known of texts before their measures are read: empty ones, prompts, reasoning, marks of templates."""

from __future__ import annotations

import re
from collections.abc import Sequence

from thermoscope.words import count, empty_texts

_TEMPLATE = re.compile(
    r"<\|(?:im_start|im_end|eot_id|start_header_id|end_header_id|begin_of_text|end_of_text|endoftext|user|assistant"
    r"|system|end|start|message|return)\|>|\[/?INST\]|</?s>|<(?:start|end)_of_turn>|<<SYS>>"
)
_NO_TOKEN = re.compile(
    r"<unk>|\[UNK\]|\[PAD[0-9]*\]|<pad>|<unused[0-9]+>|<\|reserved_special_token_[0-9]+\|>|<extra_id_[0-9]+>"
    r"|<0x[0-9A-F]{2}>|\ufffd"
)


def remarks_on(texts: Sequence[str], prompts: Sequence[str]) -> list[str]:
    """A sentence for each thing that moves measures and is seldom meant."""
    remarks = [] if (empty := empty_texts(texts)) is None else [empty]
    with_prompt = sum(
        bool(prompt.strip()) and text.startswith(prompt) for text, prompt in zip(texts, prompts, strict=True)
    )
    if with_prompt:
        remarks.append(
            f"{with_prompt:,} of {count(len(texts), 'text')} begin with their own prompt, which is measured as well; "
            "naming the column of prompts with --prompt-column cuts it off."
        )
    for pattern, what in (
        (_TEMPLATE, "hold marks of a chat template"),
        (_NO_TOKEN, "hold signs of ids that no text belongs to, such as <unk>"),
    ):
        found = [match.group() for text in texts if (match := pattern.search(text))]
        if found:
            remarks.append(f"{len(found):,} of {count(len(texts), 'text')} {what}: {found[0]!r}.")
    return remarks
