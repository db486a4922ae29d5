"""Sampling: logits (B, V) in, the next token out. Filters, the chain that orders them, noise and the draw."""
