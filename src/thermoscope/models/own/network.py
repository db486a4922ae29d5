"""GPT-2, and Llama with those of its shape, as modules: what transformers' classes compute, and nothing else.

Parts have transformers' names, so that checkpoints and ``written_steps`` find them. Prompts go through here; steps of
one token go through ``written_steps``.

Shapes: N contexts, T tokens of each, C channels, H query heads, K key heads, D the size of a head, V vocabulary.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from thermoscope.cpu.packed import PackedLinear
from thermoscope.models.own.config import OwnConfig


class GenerationConfig:
    """What ``generation_config.json`` says.

    Attributes
    ----------
    eos_token_id
        The tokens that end a text.
    """

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields
        self.eos_token_id: int | list[int] | None = fields.get("eos_token_id")

    def to_diff_dict(self) -> dict[str, Any]:
        """What is said, by transformers' names."""
        return dict(self._fields)


class OwnNetwork(nn.Module):
    """What both families share.

    Attributes
    ----------
    config
    generation_config
        What is said of ends and sampling.
    """

    def __init__(self, config: OwnConfig) -> None:
        super().__init__()
        self.config = config
        self.generation_config = GenerationConfig({})
        self.lm_head: Any = nn.Linear(config.hidden_size, config.vocab_size, bias=False)

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights."""
        return next(self.parameters()).dtype

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return next(self.parameters()).device

    def get_input_embeddings(self) -> Any:
        """The embedding of tokens."""
        raise NotImplementedError

    def get_output_embeddings(self) -> Any:
        """The layer that gives logits."""
        return self.lm_head

    def forward(
        self,
        input_ids: Tensor,
        position_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        cache: Any = None,
        use_cache: bool = False,
        logits_to_keep: int = 0,
    ) -> SimpleNamespace:
        """Logits (N, T, V), or those of the last ``logits_to_keep`` tokens, as ``logits``.

        Parameters
        ----------
        input_ids, position_ids : Tensor (N, T), int64
        attention_mask : Tensor (N, 1, T, L), optional
            Added to the scores; by default every token looks at those up to itself.
        cache
            A ``RowCache`` with what is before, into which the tokens' keys and values are written.
        """
        if position_ids is None:
            position_ids = torch.arange(input_ids.shape[1], device=input_ids.device)[None]
        hidden = self.hidden(input_ids, position_ids, attention_mask, cache if use_cache else None, logits_to_keep)
        return SimpleNamespace(logits=self.lm_head(hidden))

    def hidden(self, ids: Tensor, positions: Tensor, mask: Tensor | None, cache: Any, last: int) -> Tensor:
        """What the head is given, (N, T, C), or that of the ``last`` tokens: of others the last layer needs keys alone.

        0 stands for all of them.
        """
        raise NotImplementedError


def _embedding(count: int, size: int) -> nn.Embedding:
    """An embedding without numbers: drawing them on the "meta" device would import half of torch's compiler."""
    made: nn.Embedding = nn.Embedding(count, size, _weight=torch.empty(count, size))
    return made


def attend(q: Tensor, k: Tensor, v: Tensor, scale: float, mask: Tensor | None, cache: Any, layer: int) -> Tensor:
    """Attention (N, T, H D) of queries (N, H, T, D) over keys and values (N, K, T, D) and what the cache has before."""
    if cache is not None:
        k, v = cache.update(k, v, layer)
    new, all_ = q.shape[2], k.shape[2]
    if mask is None and 1 < new < all_:
        mask = torch.ones(new, all_, dtype=torch.bool, device=q.device).tril(all_ - new)
    alone = mask is None and new > 1
    if k.shape[1] != q.shape[1]:
        shared = q.shape[1] // k.shape[1]
        k, v = k.repeat_interleave(shared, dim=1), v.repeat_interleave(shared, dim=1)
    out = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=alone, scale=scale)
    return out.transpose(1, 2).flatten(2)


def _last(count: int, x: Tensor, q: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """Of x (N, T, C), queries (N, H, T, D) and a mask (N, 1, T, L) what belongs to the last tokens; all of it for 0."""
    return x[:, -count:], q[:, :, -count:], None if mask is None else mask[:, :, -count:]


class GPT2(OwnNetwork):
    """GPT-2 (Radford et al. 2019)."""

    def __init__(self, config: OwnConfig) -> None:
        super().__init__(config)
        wide, body = config.hidden_size, nn.Module()
        body.wte = _embedding(config.vocab_size, wide)
        body.wpe = _embedding(config.max_position_embeddings, wide)
        body.h = nn.ModuleList(_gpt2_block(config, scale) for scale in config.scales)
        body.ln_f = nn.LayerNorm(wide, eps=config.eps)
        self.transformer: Any = body

    def get_input_embeddings(self) -> Any:
        """The embedding of tokens."""
        return self.transformer.wte

    def set_input_embeddings(self, embedding: nn.Module) -> None:
        """Put another one in its place."""
        self.transformer.wte = embedding

    def hidden(self, ids: Tensor, positions: Tensor, mask: Tensor | None, cache: Any, last: int) -> Tensor:
        """See ``OwnNetwork``."""
        body, heads = self.transformer, self.config.num_attention_heads
        x = body.wte(ids) + body.wpe(positions)
        for number, block in enumerate(body.h):
            parts = block.attn.c_attn(block.ln_1(x)).chunk(3, dim=-1)
            q, k, v = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in parts)
            if number == len(body.h) - 1:
                x, q, mask = _last(last, x, q, mask)
            x = x + block.attn.c_proj(attend(q, k, v, block.attn.scaling, mask, cache, number))
            wide, normed = block.mlp.c_fc, block.ln_2(x)
            x = x + block.mlp.c_proj(
                wide.gelu(normed) if isinstance(wide, PackedLinear) else block.mlp.act(wide(normed))
            )
        return body.ln_f(x)  # type: ignore[no-any-return]


def _gpt2_block(config: OwnConfig, scale: float) -> Any:
    wide: int = config.hidden_size
    block, attention, mlp = nn.Module(), nn.Module(), nn.Module()
    block.ln_1, block.ln_2 = (nn.LayerNorm(wide, eps=config.eps) for _ in range(2))
    attention.c_attn, attention.c_proj = nn.Linear(wide, 3 * wide), nn.Linear(wide, wide)
    attention.scaling = scale  # type: ignore[assignment]
    mlp.c_fc = nn.Linear(wide, config.intermediate_size)
    mlp.c_proj = nn.Linear(config.intermediate_size, wide)
    mlp.act = nn.GELU(approximate="tanh")
    block.attn, block.mlp = attention, mlp
    return block


class Llama(OwnNetwork):
    """Llama (Touvron et al. 2023), Mistral, Qwen2 and Qwen3."""

    def __init__(self, config: OwnConfig) -> None:
        super().__init__(config)
        body = nn.Module()
        body.embed_tokens = _embedding(config.vocab_size, config.hidden_size)
        body.layers = nn.ModuleList(_llama_block(config, scale) for scale in config.scales)
        body.norm = RMSNorm(config.hidden_size, config.eps)
        body.rotary_emb = Rotations(config.rope_theta, config.head_dim)
        self.model: Any = body

    def get_input_embeddings(self) -> Any:
        """The embedding of tokens."""
        return self.model.embed_tokens

    def set_input_embeddings(self, embedding: nn.Module) -> None:
        """Put another one in its place."""
        self.model.embed_tokens = embedding

    def hidden(self, ids: Tensor, positions: Tensor, mask: Tensor | None, cache: Any, last: int) -> Tensor:
        """See ``OwnNetwork``."""
        x = self.model.embed_tokens(ids)
        cos, sin = (part[:, None] for part in self.model.rotary_emb(x, positions))  # (N, 1, T, D)
        for number, block in enumerate(self.model.layers):
            own, normed = block.self_attn, block.input_layernorm(x)
            q, k, v = (
                project(normed).unflatten(-1, (-1, self.config.head_dim))
                for project in (own.q_proj, own.k_proj, own.v_proj)
            )
            if self.config.head_norms:
                q, k = own.q_norm(q), own.k_norm(k)
            q, k, v = (part.transpose(1, 2) for part in (q, k, v))
            q, k = (part * cos + _half_turn(part) * sin for part in (q, k))
            if number == len(self.model.layers) - 1:
                x, q, mask = _last(last, x, q, mask)
            x = x + own.o_proj(attend(q, k, v, own.scaling, mask, cache, number))
            normed = block.post_attention_layernorm(x)
            x = x + block.mlp.down_proj(functional.silu(block.mlp.gate_proj(normed)) * block.mlp.up_proj(normed))
        return self.model.norm(x)  # type: ignore[no-any-return]


def _llama_block(config: OwnConfig, scale: float) -> Any:
    wide, size = config.hidden_size, config.head_dim
    block, attention, mlp = nn.Module(), nn.Module(), nn.Module()
    for name, heads in zip("qkv", (config.num_attention_heads, *[config.num_key_value_heads] * 2), strict=True):
        setattr(attention, f"{name}_proj", nn.Linear(wide, heads * size, bias=config.qkv_bias))
    attention.o_proj = nn.Linear(config.num_attention_heads * size, wide, bias=config.out_bias)
    if config.head_norms:
        attention.q_norm, attention.k_norm = (RMSNorm(size, config.eps) for _ in range(2))
    attention.scaling = scale  # type: ignore[assignment]
    for name in ("gate_proj", "up_proj"):
        setattr(mlp, name, nn.Linear(wide, config.intermediate_size, bias=config.mlp_bias))
    mlp.down_proj = nn.Linear(config.intermediate_size, wide, bias=config.mlp_bias)
    block.self_attn, block.mlp = attention, mlp
    block.input_layernorm, block.post_attention_layernorm = (RMSNorm(wide, config.eps) for _ in range(2))
    return block


class RMSNorm(nn.Module):
    """Root-mean-square norm (Zhang and Sennrich 2019, eq. 4), in float32 whatever the weights are."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(size))
        self.variance_epsilon = eps

    def forward(self, x: Tensor) -> Tensor:
        """X (..., C) to the same."""
        wide = x.float()
        return self.weight * (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)).to(
            x.dtype
        )


class Rotations(nn.Module):
    """Cosines and sines of rotary positions (Su et al. 2021, eq. 34), the halves of a head as pairs."""

    def __init__(self, base: float, size: int) -> None:
        super().__init__()
        self._base, self._size = base, size

    def forward(self, x: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and sines (N, T, D) of positions (N, T), in the type of ``x``."""
        speeds = 1.0 / (self._base ** (torch.arange(0, self._size, 2, dtype=torch.float32) / self._size))
        angles = positions[..., None].float() * speeds
        both = torch.cat((angles, angles), dim=-1)
        return both.cos().to(x.dtype), both.sin().to(x.dtype)


def _half_turn(x: Tensor) -> Tensor:
    a, b = x.chunk(2, dim=-1)
    return torch.cat((-b, a), dim=-1)
