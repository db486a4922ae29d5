"""Networks and tokenizers of the commonest families, read without importing transformers."""
