"""The model and what trains it: GPT-2's architecture, Muon with AdamW, a warm-up-stable-decay schedule."""

import time

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import GPT2Config, GPT2LMHeadModel

from training.muon import Muon


def make_model(vocab_size: int, *, width: int, layers: int, context: int, dropout: float) -> GPT2LMHeadModel:
    """Build a freshly initialised GPT-2 with heads of 64 and tied embeddings; token 0 ends a text."""
    config = GPT2Config(
        vocab_size=vocab_size,
        n_positions=context,
        n_embd=width,
        n_layer=layers,
        n_head=max(1, width // 64),
        activation_function="gelu_pytorch_tanh",
        bos_token_id=0,
        eos_token_id=0,
        resid_pdrop=dropout,
        embd_pdrop=dropout,
        attn_pdrop=0.0,
    )
    return GPT2LMHeadModel(config)


def next_token_nll(model: GPT2LMHeadModel, tokens: Tensor, precision: str) -> Tensor:
    """Negative log-likelihood in nats of tokens[:, 1:] given what stands before: (B, T) for (B, T + 1)."""
    device = next(model.parameters()).device
    tokens = tokens.to(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
        hidden = model.transformer(tokens[:, :-1], use_cache=False).last_hidden_state  # (B, T, C)
        logits = model.lm_head(hidden)  # (B, T, V)
    flat = functional.cross_entropy(logits.flatten(0, 1).float(), tokens[:, 1:].flatten(), reduction="none")
    return flat.view(len(tokens), -1)


def make_optimizers(
    model: nn.Module, lr: float, weight_decay: float, precision: str = "fp32"
) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the blocks, AdamW for embeddings, biases and norms.

    Muon's step is scaled to the size of AdamW's, so one `lr` fits both.
    """
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and ".h." in n]
    rest = [p for n, p in model.named_parameters() if not (p.ndim == 2 and ".h." in n)]
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    muon = Muon(matrices, lr=lr, weight_decay=weight_decay, dtype=dtype)
    adamw = torch.optim.AdamW(rest, lr=lr, weight_decay=0.0, betas=(0.9, 0.98))  # long memory: batches are small
    return [muon, adamw]


def lr_scale(step: int, warmup: int, decay_start: int | None, decay_steps: int) -> float:
    """Warm-up-stable-decay: rises to 1, stays, and from `decay_start` on falls linearly to 0.

    Because the middle is constant, training can stop at any step and a decayed branch start there.
    """
    scale = min(1.0, (step + 1) / warmup) if warmup else 1.0
    if decay_start is not None:
        scale *= max(0.0, 1 - (step - decay_start) / decay_steps)
    return scale


def choose_precision(device: torch.device) -> str:
    """Return "bf16" or "fp32": bf16 on a GPU, on a processor whichever multiplies faster.

    Measured, because processors with bfloat16 instructions exist whose float32 is faster still.
    """
    if device.type != "cpu":
        return "bf16"
    took = {}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        a, b = torch.ones(2048, 256, dtype=dtype), torch.ones(256, 1024, dtype=dtype)
        times = []
        for _ in range(8):
            start = time.perf_counter()
            a @ b
            times.append(time.perf_counter() - start)
        took[name] = min(times)
    return min(took, key=lambda name: took[name])
