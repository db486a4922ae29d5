"""Experiments: what is compared with what, what came out, and what ran."""
