"""Runs: what is to be made, making it, keeping it in a folder; texts from files."""
