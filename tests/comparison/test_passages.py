from hypothesis import given
from hypothesis import strategies as st

from tests.report.records.made import text
from thermoscope.comparison.passages import Passage, parting, passages


def cut(*pieces: str) -> tuple[Passage, ...]:
    made = text(0, 0, 0, pieces)
    return passages(made.text, made.token_ids, made.ends)


def test_what_was_there_before_is_a_passage_of_its_own() -> None:
    once = (" one", " two", " three", " four")
    found = cut(*once, " and", *once, " end")
    assert found == (
        Passage(" one two three four and "),
        Passage("one two three four", repeated=True),
        Passage(" end"),
    )


def test_the_loop_a_text_ends_in() -> None:
    found = cut("start", *(" go", " on") * 4)
    assert "".join(p.text for p in found if p.loop) == "go on go on go on go on"
    assert "".join(p.text for p in found if p.repeated) == "go on go on go on"  # by 4-grams
    assert not found[0].loop


def test_no_text_has_no_passages() -> None:
    assert passages("", [], []) == ()
    assert cut("word") == (Passage("word"),)


@given(st.lists(st.sampled_from(["a", " b", "\n", " c", "", "é"]), max_size=40))
def test_joined_they_are_the_text(pieces: list[str]) -> None:
    found = cut(*pieces)
    assert "".join(p.text for p in found) == "".join(pieces)
    assert all(p.text for p in found)


def test_parting_is_the_first_character_of_the_first_other_token() -> None:
    a, b = text(0, 0, 0, ["The", " fox", " ran"]), text(0, 1, 0, ["The", " fox", " slept"])
    assert parting(b.text, b.token_ids, b.ends, a.token_ids, a.text) == len("The fox ")
    assert parting(a.text, a.token_ids, a.ends, a.token_ids, a.text) is None
    longer = text(0, 1, 0, ["The", " fox", " ran", " off"])
    assert parting(longer.text, longer.token_ids, longer.ends, a.token_ids, a.text) == len("The fox ran ")
    assert parting(a.text, a.token_ids, a.ends, longer.token_ids, longer.text) == len(a.text)
