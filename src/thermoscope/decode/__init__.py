"""Decoding: prompts x settings x seeds in, one ``Sample`` each out."""
