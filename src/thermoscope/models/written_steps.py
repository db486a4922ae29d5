"""A step of the two commonest families, written out: one new token per row, few operations, packed layers.

A few new tokens of one row are written out as well.

transformers' modules take dozens of small operations per layer, and with few rows that is most of what a step takes
beside the products of the linear layers. Whether a network is what its class promises is not taken on trust:
``rows.decoding_of`` compares the logits with the modules' before this is used; whole prompts go through the modules.

Shapes: R rows, C channels, H query heads, K key heads, D the size of a head, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from thermoscope.cpu import plain_attention, probe
from thermoscope.cpu.attention import as_array, spans
from thermoscope.cpu.packed import PackedLinear
from thermoscope.cpu.shared import Sibling
from thermoscope.models.cache import RowCache
from thermoscope.models.own.network import OwnNetwork

Bounds = Tensor | dict[str, Tensor]
_Array = np.ndarray[Any, Any]


class Step:
    """What both families share: a step from tokens to logits.

    Parameters
    ----------
    network
        A packed network of transformers on the CPU, of a class that ``step_of`` knows.
    """

    def __init__(self, network: Any) -> None:
        config = network.config.get_text_config()
        self._network = network
        self._heads = config.num_attention_heads
        types = getattr(config, "layer_types", None)
        self._types = types or [""] * config.num_hidden_layers
        self._embedding = network.get_input_embeddings()
        self._head = _packed(network.get_output_embeddings())

    def __call__(self, tokens: Tensor, positions: Tensor, bounds: Bounds, cache: RowCache) -> Tensor:
        """Logits (R, V) after one more token per row, whose key and value are written into the cache.

        Parameters
        ----------
        tokens, positions : Tensor (R,), int64
        bounds
            What each row looks at, (R, 1, 1, 2), the new token's position being the last; one for each type of layer
            if there are several.
        """
        logits: Tensor = self._head(self._states(tokens, positions, bounds, cache, one_row=False))
        return logits

    def follow(self, tokens: Tensor, positions: Tensor, bounds: Bounds, cache: RowCache) -> Tensor:
        """Logits (1, V) after several more tokens (T,) of the first row, one behind the other; the rest as in a step.

        Attention is a step's, token by token, so that each finds the keys of those before it. That is quicker than the
        network's modules for a few tokens.
        """
        logits: Tensor = self._head(self._states(tokens, positions, bounds, cache, one_row=True)[-1:])
        return logits

    def _states(self, tokens: Tensor, positions: Tensor, bounds: Bounds, cache: RowCache, *, one_row: bool) -> Tensor:
        """What the head is given, (R, C)."""
        heads, sizes = self._heads, [block.shape[3] for block in cache.layers[0].arrays]
        q, out = (torch.empty((len(tokens), heads, size)) for size in sizes)
        angles = self._angles(positions)
        queries = {
            kind: Queries(*spans(bounds[kind] if isinstance(bounds, dict) else bounds), *angles, q.numpy(), out)
            for kind in set(self._types)
        }
        if one_row:
            for asked in queries.values():
                asked.separate()
        return self._hidden(tokens, positions, [queries[kind] for kind in self._types], cache)

    def _angles(self, positions: Tensor) -> tuple[_Array, _Array]:
        """Cosines and sines (R, D) of the rotations at some positions; (R, 0) where positions are not rotations."""
        return (np.empty((len(positions), 0), np.float32),) * 2

    def _hidden(self, tokens: Tensor, positions: Tensor, queries: list[Queries], cache: RowCache) -> Tensor:
        """What the head is given, (R, C); ``queries`` are those of each layer."""
        raise NotImplementedError


class Queries:
    """What the layers' attention has in common in one step.

    Few operations are left for each layer: the weights that go by between them leave nothing of Python in the
    processor's caches, and each operation takes several times what it does by itself.

    Parameters
    ----------
    low, high : (R,)
        The positions that each row looks at.
    cos, sin : (R, D) or (R, 0)
        Rotations.
    q : (R, H, D)
        Scratch.
    out : (R, H, E)
        What a layer's attention gives, until the next one's.
    """

    def __init__(self, low: _Array, high: _Array, cos: _Array, sin: _Array, q: _Array, out: Tensor) -> None:
        self.rows = len(low)
        self.tokens = int((high - low).sum())
        self.angles, self.looks = (cos, sin), (low, high)
        self.results = q, out.numpy()
        self._out, self.flat = out, out.view(self.rows, -1)
        #: Those of each token alone, where all are of one row.
        self.parts: list[Queries] = []

    def separate(self) -> None:
        """Ask for one token after the other from now on: all are of the first row."""
        (low, high), (cos, sin), (q, _) = self.looks, self.angles, self.results
        for at in (slice(token, token + 1) for token in range(self.rows)):
            self.parts.append(Queries(low[at], high[at], cos[at], sin[at], q[at], self._out[at]))


class Attention:
    """A layer's attention between its two products: its own numbers, as ``attention_loops.attend_new`` names them."""

    def __init__(self, scale: float, q_weight: _Array, k_weight: _Array, eps: float) -> None:
        self._norms, self._scale = (q_weight, k_weight, np.float32(eps)), np.float32(scale)

    def __call__(self, qkv: Tensor, queries: Queries, layer: Any) -> Tensor:
        """Qkv (R, (H + K) D + K E) to (R, H E); the new keys and values go into the layer of the cache."""
        if queries.parts:
            return torch.cat([self(qkv[at : at + 1], part, layer) for at, part in enumerate(queries.parts)])
        if not probe.loops("attention"):
            q_weight, k_weight, eps = self._norms
            cos, sin, low, high = map(torch.from_numpy, (*queries.angles, *queries.looks))
            out = plain_attention.attend_new(
                qkv, cos, sin, torch.from_numpy(q_weight), torch.from_numpy(k_weight), float(eps), layer.keys,
                layer.values, low, high, float(self._scale), queries.results[0].shape[1],
            )  # fmt: skip
            return out.flatten(1).to(qkv.dtype)
        over_slices, kernel = _loops()
        keys, values = layer.arrays
        key_heads = keys.shape[2]
        over_slices(
            kernel, queries.rows * key_heads, as_array(qkv), *queries.angles, *self._norms, keys, values,
            *queries.looks, self._scale, *queries.results,
            work=queries.tokens * key_heads * (keys.shape[3] + values.shape[3]),
        )  # fmt: skip
        return queries.flat.to(qkv.dtype)


@cache
def _loops() -> tuple[Callable[..., None], Any]:
    """What runs slices, and the loop of a layer's attention: imported when they are first needed."""
    from thermoscope.cpu import attention_loops
    from thermoscope.cpu.compiled import over_slices

    return over_slices, attention_loops.attend_new


class GPT2Step(Step):
    """GPT-2: learned positions, layer norms with bias, one wide layer with GELU."""

    def __init__(self, network: Any) -> None:
        super().__init__(network)
        body = network.transformer
        self._positions, self._norm = body.wpe, _LayerNorm(body.ln_f)
        self._layers = [
            (
                _LayerNorm(block.ln_1),
                _packed(block.attn.c_attn),
                Attention(block.attn.scaling, _none(), _none(), 0.0),
                _packed(block.attn.c_proj),
                _LayerNorm(block.ln_2),
                _activated(_packed(block.mlp.c_fc), block.mlp.act),
                _packed(block.mlp.c_proj),
            )
            for block in body.h
        ]

    def _hidden(self, tokens: Tensor, positions: Tensor, queries: list[Queries], cache: RowCache) -> Tensor:
        x = self._embedding(tokens) + self._positions(positions)
        for parts, layer, asked in zip(self._layers, cache.layers, queries, strict=True):
            norm_1, qkv, attention, out, norm_2, wide, narrow = parts
            x = out.plus(attention(qkv(norm_1(x)), asked, layer), x)
            x = narrow.plus(wide(norm_2(x)), x)
        return self._norm(x)


class LlamaStep(Step):
    """Llama and those of its shape: rotations, root-mean-square norms, a gated layer with SiLU."""

    def __init__(self, network: Any) -> None:
        super().__init__(network)
        if network.config.hidden_act != "silu":
            raise ValueError(f"activation {network.config.hidden_act}")
        body = network.model
        self._rotations, self._norm = body.rotary_emb, _RMSNorm(body.norm)
        self._layers = []
        for block in body.layers:
            own = block.self_attn
            q_norm, k_norm = (getattr(own, name, None) for name in ("q_norm", "k_norm"))
            q_weight, k_weight = (_none() if norm is None else _RMSNorm(norm).weight for norm in (q_norm, k_norm))
            attention = Attention(own.scaling, q_weight, k_weight, getattr(q_norm, "variance_epsilon", 0.0))
            self._layers.append(
                (
                    _RMSNorm(block.input_layernorm),
                    _together(own.q_proj, own.k_proj, own.v_proj),
                    attention,
                    _packed(own.o_proj),
                    _RMSNorm(block.post_attention_layernorm),
                    _together(block.mlp.gate_proj, block.mlp.up_proj),
                    _packed(block.mlp.down_proj),
                )
            )

    def _angles(self, positions: Tensor) -> tuple[_Array, _Array]:
        like = torch.empty(0, dtype=self._network.dtype)  # rounded as the modules round them
        cos, sin = (part[:, 0].float().contiguous().numpy() for part in self._rotations(like, positions[:, None]))
        return cos, sin

    def _hidden(self, tokens: Tensor, positions: Tensor, queries: list[Queries], cache: RowCache) -> Tensor:
        x = self._embedding(tokens)
        for parts, layer, asked in zip(self._layers, cache.layers, queries, strict=True):
            norm_1, qkv, attention, out, norm_2, gate_up, down = parts
            x = out.plus(attention(qkv(norm_1(x)), asked, layer), x)
            x = down.plus(_silu_times(gate_up(norm_2(x))), x)
        return self._norm(x)


class _LayerNorm:
    """A layer norm over the last dimension of (R, C): the module's operation without the module."""

    def __init__(self, norm: nn.LayerNorm) -> None:
        if type(norm) is not nn.LayerNorm:
            raise TypeError(f"a {type(norm).__name__} where a layer norm was expected")
        self._numbers = norm.normalized_shape, norm.weight, norm.bias, norm.eps

    def __call__(self, x: Tensor) -> Tensor:
        return torch.layer_norm(x, *self._numbers)


class _RMSNorm:
    """A root-mean-square norm over the last dimension of (R, C)."""

    def __init__(self, norm: Any) -> None:
        self.weight: _Array = norm.weight.detach().float().numpy()
        self._eps = np.float32(norm.variance_epsilon)

    def __call__(self, x: Tensor) -> Tensor:
        if not probe.loops("attention"):
            return plain_attention.rms_norm(x, torch.from_numpy(self.weight), float(self._eps)).to(x.dtype)
        from thermoscope.cpu import attention_loops

        out = torch.empty_like(x)
        attention_loops.rms_norm(as_array(x), self.weight, self._eps, as_array(out), 0, len(x))
        return out


def _silu_times(gate_up: Tensor) -> Tensor:
    """(R, 2 I) to (R, I)."""
    if not probe.loops("attention"):
        return plain_attention.silu_times(gate_up)
    from thermoscope.cpu import attention_loops
    from thermoscope.cpu.compiled import over_slices

    out = gate_up.new_empty((len(gate_up), gate_up.shape[1] // 2))
    over_slices(attention_loops.silu_times, len(out), as_array(gate_up), as_array(out), work=out.numel())
    return out


def _none() -> _Array:
    return np.empty(0, np.float32)


def _packed(layer: Any) -> PackedLinear:
    if not isinstance(layer, PackedLinear):
        raise TypeError(f"a {type(layer).__name__} where a packed layer was expected")
    return layer


def _together(*layers: Any) -> PackedLinear:
    """The packed layer that gives what all of these give, in their order."""
    if not all(type(layer) is Sibling and layer.together is layers[0].together for layer in layers):
        raise TypeError("layers that are not packed together")
    linear: PackedLinear = layers[0].together.linear
    return linear


def _activated(linear: PackedLinear, activation: nn.Module) -> Callable[[Tensor], Tensor]:
    """The layer with its activation."""
    if type(activation) is nn.GELU and activation.approximate == "tanh":
        return linear.gelu
    return lambda x: activation(linear(x))


_FAMILIES: dict[str, type[Step]] = {
    "GPT2": GPT2Step,
    "Llama": LlamaStep,
    "GPT2LMHeadModel": GPT2Step,
    "LlamaForCausalLM": LlamaStep,
    "MistralForCausalLM": LlamaStep,
    "Qwen2ForCausalLM": LlamaStep,
    "Qwen3ForCausalLM": LlamaStep,
}


def step_of(network: Any) -> Step | None:
    """A step of this network, if its class is one of those that are written out and its layers are packed."""
    kind = type(network)
    known = kind.__module__.startswith("transformers.models.") or isinstance(network, OwnNetwork)
    if not known or kind.__name__ not in _FAMILIES:
        return None
    try:
        return _FAMILIES[kind.__name__](network)
    except (TypeError, ValueError, AttributeError):  # it has other parts than the class usually has
        return None
