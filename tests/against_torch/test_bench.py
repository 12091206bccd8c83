"""The benchmark holds ours against torch.nn before it times anything."""

import pytest

from kerasrnn.benchmark.cases import KINDS, Case
from kerasrnn.benchmark.contestants import MismatchError, check_same, contestants_of


@pytest.mark.parametrize("kind", KINDS)
def test_other_weights_are_found_out(kind: str) -> None:
    case = Case(kind, 2, 3, 2, 4)
    (_, one), (_, other) = contestants_of(case), contestants_of(case)
    assert one[1].name == other[1].name == "torch.nn"
    for action in ("infer", "train"):
        check_same(one[:2], action, case)
        with pytest.raises(MismatchError):
            check_same([one[0], other[1]], action, case)
