"""GGUF files: reading, the architectures that are known, tokenizers, and a cache of what was read."""
