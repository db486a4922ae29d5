"""Measures of texts: one file per family, one registry."""
