"""Packing a network: its linear layers become packed ones, and the original weights are released.

Memory does not grow, unless bfloat16 has to be widened: an embedding that is tied to the head is read out of the head's
packed weights.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
from typing import Any

import torch
from torch import nn

from thermoscope.cpu.packed import PackedLinear, PlainLinear, WidenedLinear, kind_for
from thermoscope.cpu.shared import PackedEmbedding, Sibling, Siblings

_log = logging.getLogger(__name__)

#: After so many layers what their original weights took is given back: it would add up, in pieces that nothing fits.
_LAYERS_A_TRIM = 30
#: Layers of one parent that are given the same input, by their usual names: one product gives what all of them give.
_SIBLINGS = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))


def packed_linears(network: nn.Module) -> list[PackedLinear]:
    """The distinct packed layers of a network, in its order."""
    found: dict[PackedLinear, None] = {}
    for module in network.modules():
        linear = module.together.linear if isinstance(module, Sibling) else module
        if isinstance(linear, PackedLinear):
            found[linear] = None
    return list(found)


def pack(network: Any) -> int:
    """Replace the linear layers of a network on the CPU by packed ones; return how many.

    Float32 and bfloat16, where there is a packed product for them (``packed.kind_for``). Layers of a subclass are left
    alone: they may do more than a product. GPT-2's activation, written there as six operations,
    becomes torch's own of the same formula. The network can't be trained or saved afterwards.
    """
    kind = _kind(network) if network.device.type == "cpu" else None
    if kind is None:
        return 0
    packed = since = 0
    with torch.inference_mode():
        # a list of all modules would keep the layers that are replaced, and with them their weights
        for parent in [module for module in network.modules() if any(module.children())]:
            before = packed
            packed += _pack_siblings(parent, kind)
            for name, layer in list(parent.named_children()):
                if type(layer) is nn.Linear:
                    tied = _tied_embedding(network, layer)
                    linear = kind(layer.weight, layer.bias)
                    setattr(parent, name, linear)
                    if tied is not None and (embedding := PackedEmbedding.of(linear, tied.weight)) is not None:
                        network.set_input_embeddings(embedding)
                elif _is(layer, "transformers.pytorch_utils", "Conv1D"):  # GPT-2's linear, stored (in, out)
                    setattr(parent, name, kind(layer.weight.t(), layer.bias))
                elif _is(layer, "transformers.activations", "NewGELUActivation"):
                    setattr(parent, name, nn.GELU(approximate="tanh"))
                    continue
                else:
                    continue
                packed += 1
            since += packed - before
            if since >= _LAYERS_A_TRIM:
                since = 0
                _trim()
        _release(network)
    return packed


def _kind(network: Any) -> type[PackedLinear] | None:
    """Which linears a network is given: those that keep weights in float32 only where there is room for them."""
    kind = kind_for(network.dtype)
    if kind is not WidenedLinear:
        return kind
    import psutil

    more = sum(p.numel() for p in network.parameters()) * (torch.float32.itemsize - network.dtype.itemsize)
    if more > psutil.virtual_memory().available:
        _log.info("products of bfloat16 are slow: this processor has none, and float32 needs more memory than is free")
        return PlainLinear
    _log.info("weights of bfloat16 are kept in float32, which is faster: this processor has no products of bfloat16")
    return kind


def _is(layer: Any, module: str, name: str) -> bool:
    """Whether a layer is of this class and no subclass; the module need not be imported."""
    return (type(layer).__module__, type(layer).__qualname__) == (module, name)


def _pack_siblings(parent: nn.Module, kind: type[PackedLinear]) -> int:
    """Pack the layers of a module that share their input; return how many."""
    packed = 0
    for names in _SIBLINGS:
        layers = [getattr(parent, name, None) for name in names]
        if not all(type(layer) is nn.Linear for layer in layers):
            continue
        if len({(layer.in_features, layer.bias is None) for layer in layers}) > 1:  # type: ignore[union-attr]
            continue
        together = Siblings(layers, kind)  # type: ignore[arg-type]
        for number, name in enumerate(names):
            setattr(parent, name, Sibling(together, number))
        packed += len(names)
    return packed


def _tied_embedding(network: Any, head: nn.Linear) -> nn.Embedding | None:
    """The network's embedding of tokens, if it is no more than that and has the same weights as this layer."""
    embedding = network.get_input_embeddings()
    if type(embedding) is not nn.Embedding or embedding.max_norm is not None:
        return None
    return embedding if embedding.weight is head.weight else None


def _release(network: Any) -> None:
    """Let go of what the original weights took: the file that what is left is a view of, and what malloc keeps."""
    for parameter in network.parameters():
        parameter.data = parameter.data.clone()
    _trim()


def _trim() -> None:
    """Give back to the system what malloc keeps of weights that are gone."""
    with contextlib.suppress(OSError, AttributeError):  # glibc's
        ctypes.CDLL(None).malloc_trim(0)
