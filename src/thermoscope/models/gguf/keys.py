"""The metadata of one architecture in a GGUF file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from thermoscope.errors import ModelError

if TYPE_CHECKING:
    from thermoscope.models.gguf.file import GGUFFile


class Keys:
    """The metadata of one architecture; what is asked for is remembered, so that what is left can be named."""

    def __init__(self, file: GGUFFile, architecture: str) -> None:
        self._file, self._prefix = file, f"{architecture}."
        self._asked: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        """A value, or what stands for one that is not there."""
        self._asked.add(name)
        return self._file.metadata.get(self._prefix + name, default)

    def need(self, name: str) -> Any:
        """A value that must be there.

        Raises
        ------
        ModelError
            It is not.
        """
        value = self.get(name)
        if value is None:
            raise ModelError(f"the file {str(self._file.path)!r} has no {self._prefix}{name}; convert the model again")
        return value

    def one(self, name: str, default: Any = None) -> Any:
        """A number that is the same for every layer.

        Raises
        ------
        ModelError
            It differs from layer to layer.
        """
        value = self.get(name, default)
        if isinstance(value, list):
            if len(set(value)) > 1:
                raise ModelError(
                    f"{self._prefix}{name} of {str(self._file.path)!r} differs from layer to layer, which is not "
                    "supported; use another model"
                )
            return value[0]
        return value

    @property
    def unused(self) -> list[str]:
        """Keys of the architecture that were never asked for."""
        names = [name for name in self._file.metadata if name.startswith(self._prefix)]
        return [name for name in names if name.removeprefix(self._prefix) not in self._asked]
