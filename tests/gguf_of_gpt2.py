"""A saved GPT-2 as a GGUF file, for llama.cpp: names and layout as its own converter writes them."""

from __future__ import annotations

import json
from pathlib import Path

#: Types of weights, and GGUF's names of them.
KINDS = {"float32": "F32", "bfloat16": "BF16", "8 bits": "Q8_0", "4 bits": "Q4_0"}


def write(folder: Path, dtype: str) -> Path:
    """Write ``folder``'s model as one of ``KINDS``; return the file, which is made once."""
    path = folder / f"{dtype}.gguf"
    if path.exists():
        return path
    import gguf
    from safetensors.numpy import load_file

    config = json.loads((folder / "config.json").read_text())
    part = path.with_suffix(".part")
    writer = gguf.GGUFWriter(part, "gpt2")
    writer.add_block_count(config["n_layer"])
    writer.add_context_length(config["n_positions"])
    writer.add_embedding_length(config["n_embd"])
    writer.add_feed_forward_length(4 * config["n_embd"])
    writer.add_head_count(config["n_head"])
    writer.add_layer_norm_eps(config["layer_norm_epsilon"])
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokens = sorted(tokenizer["model"]["vocab"], key=tokenizer["model"]["vocab"].get)
    tokens += [f"[{n}]" for n in range(len(tokens), config["vocab_size"])]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    special = {token["content"] for token in tokenizer["added_tokens"]}
    types = [gguf.TokenType.CONTROL if token in special else gguf.TokenType.NORMAL for token in tokens]
    writer.add_token_types(types)
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])
    kind = gguf.GGMLQuantizationType[KINDS[dtype]]
    for name, array in load_file(folder / "model.safetensors").items():
        ours = _name(name)
        if ours is None:
            continue
        if name.endswith((".c_attn.weight", ".c_proj.weight", ".c_fc.weight")):
            array = array.T.copy()  # stored (in, out)
        if array.ndim == 2 and ours != "position_embd.weight":
            writer.add_tensor(ours, gguf.quants.quantize(array.astype("float32"), kind), raw_dtype=kind)
        else:
            writer.add_tensor(ours, array.astype("float32"))  # llama.cpp aborts on float16 biases
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return part.rename(path)


def _name(name: str) -> str | None:
    """GGUF's name of a GPT-2 tensor; None for those that it doesn't have."""
    parts = name.removeprefix("transformer.").split(".")
    if parts[0] != "h":
        known = {"wte": "token_embd", "wpe": "position_embd", "ln_f": "output_norm"}
        return f"{known[parts[0]]}.{parts[1]}" if parts[0] in known else None
    known = {"ln_1": "attn_norm", "ln_2": "ffn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output",
             "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"}  # fmt: skip
    inner = ".".join(parts[2:-1])
    return f"blk.{parts[1]}.{known[inner]}.{parts[-1]}" if inner in known else None
