"""Branches and their rows: who shares one, and which rows move when branches fork."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import FakeModel
from thermoscope.decode.branch import Branch, BranchesInFlight, branches_of, in_place
from thermoscope.sampling.noise import prompt_key

Forks = list[tuple[Branch[int], int]]


def forks(rows: list[int]) -> Forks:
    """A branch for each row that it comes from, told apart by its member."""
    return [(Branch((1,), 0, [number], [number]), row) for number, row in enumerate(rows)]


def members(made: Forks) -> list[int]:
    return [branch.members[0] for branch, _ in made]


def test_by_hand() -> None:
    assert members(in_place(forks([]))) == []
    assert members(in_place(forks([0, 1, 2]))) == [0, 1, 2]
    assert members(in_place(forks([2, 1, 0]))) == [2, 1, 0]
    # rows 0 and 2 have ended: the branches of rows 1 and 3 are two, so row 3 moves to row 0
    assert members(in_place(forks([1, 3]))) == [1, 0]
    # row 0 forks in three: the first keeps it, the others fill the places of rows 1 and 3, which have ended
    assert members(in_place(forks([0, 0, 0, 2]))) == [0, 1, 3, 2]


@given(st.lists(st.integers(0, 12), max_size=12).map(sorted))
def test_nothing_is_lost_and_no_more_rows_move_than_must(rows: list[int]) -> None:
    ordered = in_place(made := forks(rows))
    assert sorted(members(ordered)) == members(made)
    stay = sum(place == row for place, (_, row) in enumerate(ordered))
    assert stay == len({row for row in rows if row < len(rows)})


def test_members_of_one_prompt_share_a_branch() -> None:
    prompts = {1: (5, 6), 2: (7,), 3: (5, 6), 4: (5, 6)}
    made = branches_of(prompts, prompts.__getitem__)
    assert [(branch.prompt_ids, branch.members, branch.tokens) for branch in made] == [
        ((5, 6), [1, 3, 4], []),
        ((7,), [2], []),
    ]
    assert [branch.key for branch in made] == [prompt_key((5, 6)), prompt_key((7,))]
    assert [b.members for b in branches_of(prompts, prompts.__getitem__, 2)] == [[1, 3], [4], [2]]
    assert [b.members for b in branches_of(prompts, prompts.__getitem__, 1)] == [[1], [3], [4], [2]]
    assert branches_of([], prompts.__getitem__) == []


def test_a_fork_leaves_its_branch_as_it_was() -> None:
    branch = Branch((1,), 9, [2], [10, 11])
    fork = branch.fork(3, [11])
    assert (fork.prompt_ids, fork.key, fork.tokens, fork.members) == ((1,), 9, [2, 3], [11])
    assert (branch.tokens, branch.members) == ([2], [10, 11])


def test_logits_in_flight_are_those_of_the_branches_contexts() -> None:
    model = FakeModel()
    flight: BranchesInFlight[int] = BranchesInFlight(model, capacity=4, length=8)

    def check(admitted: list[Branch[int]]) -> None:
        logits = flight.admit(admitted)
        contexts = [[*branch.prompt_ids, *branch.tokens] for branch in flight.branches]
        assert [row.tolist() for row in logits] == [model.next_logits(context).tolist() for context in contexts]

    check([Branch((97,), 0, [], [1, 2]), Branch((98,), 0, [99], [3])])  # one with tokens already
    a, b = flight.branches
    flight.replace([(a.fork(100, [1]), 0), (a.fork(101, [2]), 0), (b.fork(102, [3]), 1)])
    flight.step()
    assert (flight.forward_rows, [branch.members for branch in flight.branches]) == (3, [[1], [3], [2]])
    check([])
    check([Branch((120,), 0, [], [4])])
    flight.replace([(flight.branches[3].fork(103, [4]), 3)])  # all others have ended
    flight.step()
    check([])
    flight.replace([])
    flight.step()
    assert (flight.forward_rows, flight.branches) == (4, [])
    check([Branch((121,), 0, [], [5])])
