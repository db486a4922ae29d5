"""Fixtures that the command line's tests have too."""

from tests.tiny_cli import tiny_model as tiny_model
