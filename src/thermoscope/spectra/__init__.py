"""Every temperature at once: envelopes, half-lines, the tree of texts, step functions."""
