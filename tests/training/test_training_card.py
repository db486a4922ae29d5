import pytest
from training.attribution import sources_table, storybooks
from training.card import behaviour, escape, fill, samples
from training.common import BadInputError


def part(name: str, content: str) -> str:
    return f"<!-- generated: {name} -->\n{content}<!-- end: {name} -->\n"


def test_fill_changes_its_own_part_only() -> None:
    card = f"by hand\n{part('a', 'old')}{part('b', '')}end\n"
    filled = fill(fill(card, "a", r"new \1"), "b", "more")
    assert filled == "by hand\n" + part("a", "new \\1\n") + part("b", "more\n") + "end\n"
    assert fill(filled, "a", r"new \1") == filled


def test_fill_without_markers() -> None:
    with pytest.raises(BadInputError, match="put them back"):
        fill("nothing", "a", "text")


def test_a_models_text_is_not_markup() -> None:
    assert escape("# a *b* [c](d) <e>\n- f") == "\\# a \\*b\\* \\[c\\](d) \\<e\\>\n\\- f"


def test_tables_and_samples() -> None:
    row = {"rep_4": 0.5, "loop_rate": 0.25, "perplexity": 3.0, "distinct_2": 0.1, "ended": 1.0, "tokens": 9.6}
    measured = {
        "rows": [{"kind": kind, "temperature": 0.2, **row} for kind in ("stories", "explanations", "both")],
        "texts": [{"prompt": "P", "temperature": t, "text": f"text {t}\n\nmore", "ended": t > 0} for t in (0.0, 0.5)],
    }
    assert behaviour(measured).count("\n") == 4
    assert "| stories | 0.2 | 0.500 | 25.0% | 3.00 | 0.100 | 100% | 10 |" in behaviour(measured)
    assert samples(measured).count("### P") == 1
    assert "> text 0.5\n>\n> more *(end of text)*" in samples(measured)


def test_attribution_lists() -> None:
    table = sources_table("| file | x |\n| a.txt | 1 | 2 | 3 | 4 | who/what@1 | CC BY | tales |\n")
    assert table.endswith("| a.txt | who/what@1 | CC BY | tales |")
    books = storybooks("# repo (CC BY)\n\n- A: B: An Author\n- Untold\n")
    assert "*A: B* (An Author); *Untold*." in books
