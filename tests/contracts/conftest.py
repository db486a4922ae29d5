from tests.tiny_cli import cli, tiny_model

__all__ = ["cli", "tiny_model"]
