"""Compiled loops and packed products for the CPU. Everything here has a plain torch twin elsewhere."""
