"""Results and progress bars in a real notebook, run by a real kernel."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_cli import environment

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")

USE_CASE = """title = "Two prompts"
objective = "creative"
max_new_tokens = 24

[[prompts]]
text = "Once upon a time"

[[prompts]]
text = "The old man"
"""
#: What each cell shows last, by name.
CELLS = {
    "model": "import thermoscope\nmodel = thermoscope.load_model()",
    "SamplingParams": "thermoscope.SamplingParams(temperature=0.7, top_k=50)",
    "Comparison": "thermoscope.compare(model, 'Once upon a time', [0.3, 0.9], max_new_tokens=60)",
    "Spectrum": "thermoscope.spectrum(model, 'Once upon a time', temperature=(0.3, 0.9), max_new_tokens=8)[0]",
    "Run": "settings = [thermoscope.SamplingParams(temperature=t) for t in (0.3, 0.9)]\n"
    "done = thermoscope.run(model, 'case.toml', settings, seeds=[1, 2], folder='kept')\ndone",
    "Report": "thermoscope.run_report(done)",
}


class Client(nbclient.NotebookClient):  # type: ignore[misc, name-defined]
    """Runs a notebook and keeps what a cell put in the place of something it had shown."""

    updates: dict[int, list[str]]

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        if msg["msg_type"] == "update_display_data":
            self.updates.setdefault(cell_index, []).append(msg["content"]["data"]["text/html"])
        return super().process_message(msg, cell, cell_index)


def executed(folder: Path, cells: list[str]) -> Client:
    """A notebook whose kernel works in this folder; a cell that fails is an error."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    client = Client(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.updates = {}
    client.execute(env={**environment(), "IPYTHONDIR": str(folder / "ipython")})
    return client


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[list[Any], list[str]]]:
    """By name: the outputs of a cell, and what it put in the place of others meanwhile."""
    folder = tmp_path_factory.mktemp("notebook")
    (folder / "case.toml").write_text(USE_CASE, encoding="utf-8")
    client = executed(folder, list(CELLS.values()))
    outputs = [cell.outputs for cell in client.nb.cells]
    return {name: (outputs[i], client.updates.get(i, [])) for i, name in enumerate(CELLS)}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CELLS if name != "model"])
def test_an_object_shows_itself_as_html(name: str, shown: dict[str, tuple[list[Any], list[str]]]) -> None:
    outputs, _ = shown[name]
    results = [output for output in outputs if output.output_type == "execute_result"]
    assert len(results) == 1
    page = results[0].data["text/html"]
    assert page.startswith(("<div", "<table")) and "<script" not in page
    assert results[0].data["text/plain"].startswith(name)
    said = [output.text for output in outputs if output.output_type == "stream"]
    assert not [text for text in said if "tqdm" not in text]  # the hub's client asks for widgets when it is imported


def test_the_texts_and_numbers_are_there(shown: dict[str, tuple[list[Any], list[str]]]) -> None:
    pages = {name: shown[name][0][-1].data["text/html"] for name in CELLS if name != "model"}
    assert "top_k" in pages["SamplingParams"]
    for name in ("Comparison", "Run", "Report"):
        assert "0.3" in pages[name] and "0.9" in pages[name], name
    assert "Once upon a time" in pages["Comparison"] and "Once upon a time" in pages["Spectrum"]


@pytest.mark.parametrize("name", ["Comparison", "Spectrum", "Run"])
def test_a_progress_bar_appears_follows_the_work_and_goes(
    name: str, shown: dict[str, tuple[list[Any], list[str]]]
) -> None:
    outputs, updates = shown[name]
    (place,) = [output for output in outputs if output.output_type == "display_data"]
    assert place.data["text/html"] == "" == updates[-1], "it goes when the work is done"
    states = [
        re.search(r'<progress value="(\d+)" max="(\d+)"></progress> (\d+) of (\d+) texts', u) for u in updates[:-1]
    ]
    counts = [int(state[1]) for state in states if state is not None]
    assert counts and counts == sorted(counts)
    assert states[-1] is not None and states[-1][3] == states[-1][4], "all texts are finished at last"


def test_a_cell_that_fails_fails_the_notebook(tmp_path: Path) -> None:
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="temperature must be at least 0"):
        executed(tmp_path, ["import thermoscope", "thermoscope.SamplingParams(temperature=-1)"])
