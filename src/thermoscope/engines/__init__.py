"""Engines: one setting written for another sampler, with the truth about what changes on the way, and read back."""
