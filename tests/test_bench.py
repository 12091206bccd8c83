"""kerasrnn bench: its cases, its arithmetic, and a tiny run. No speed is asserted."""

import json
import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from kerasrnn.benchmark import growth, machine, run
from kerasrnn.benchmark.cases import KINDS, Case, all_cases, matching, quick_cases
from kerasrnn.benchmark.contestants import MismatchError, check_same, contestants_of, left_out
from kerasrnn.benchmark.keras_layers import kernel
from kerasrnn.benchmark.report import footers, headings, markdown_table, rows
from kerasrnn.benchmark.table import Effort, memory, summaries
from kerasrnn.benchmark.timing import (
    OURS,
    Race,
    Spread,
    calls_in_block,
    geometric_mean,
    race,
    spread,
    summary,
)
from kerasrnn.kernels import ORDER
from tests.commands import complaint, kerasrnn, names

SMALL = Case("LSTM", 2, 3, 2, 4)
FILES = ["bench.json", "bench.png", "growth.png"]


class Fake:
    """A contestant that computes nothing and notes when it ran."""

    def __init__(self, name: str, value: float = 1.0, log: list[str] | None = None) -> None:
        self.name, self.value, self.log = name, value, [] if log is None else log

    def infer(self) -> float:
        self.log.append(self.name)
        return self.value

    train = infer

    def wait(self, result: Any) -> None:
        assert result == self.value

    def outputs(self) -> np.ndarray:
        return np.array([1.0, self.value])

    def gradient_norm(self) -> float:
        return self.value

    def peak_memory(self) -> int:
        return int(self.value)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the quick run a short one, on one thread."""
    sweeps = {"time": (Case("LSTM", 1, 0, 1, 2), (2, 3)), "batch": (Case("LSTM", 0, 2, 1, 2), (1,))}
    monkeypatch.setattr(run, "QUICK", Effort(0.1, (2, 2)))
    monkeypatch.setattr(run, "QUICK_SWEEPS", sweeps)
    monkeypatch.setattr(machine, "cores", lambda: 1)


def test_cases_have_every_kind_and_shape() -> None:
    cases = all_cases()
    assert len({case.name for case in cases}) == len(cases) == 22
    plain = [case for case in cases if case == Case(case.kind, *sizes(case))]
    assert [[case.kind for case in plain if sizes(case) == shape] for shape in shapes()] == [
        list(KINDS)
    ] * 6
    assert [case.name for case in cases if case not in plain] == [
        "LSTM x2 bidirectional (32,50,8,32)",
        "LSTM x2 bidirectional (32,100,64,128)",
        "LSTM masked (64,100,64,128)",
        "LSTM projected to 64 (64,100,64,128)",
    ]
    assert set(quick_cases()) < set(cases)


def sizes(case: Case) -> tuple[int, ...]:
    return (case.batch, case.time, case.features, case.units)


def shapes() -> list[tuple[int, ...]]:
    return [
        (1, 49, 1, 16),
        (32, 50, 8, 32),
        (128, 24, 7, 64),
        (64, 100, 64, 128),
        (32, 128, 256, 256),
        (64, 64, 512, 512),
    ]


def test_cases_are_found_by_their_names() -> None:
    assert {case.kind for case in matching(all_cases(), "gru (")} == {"GRU"}
    assert matching(all_cases(), "conv") == []
    assert matching(all_cases(), "") == all_cases()


def test_masked_rows_are_padded_on_the_right() -> None:
    (case,) = matching(all_cases(), "masked")
    lengths, mask = case.lengths(), case.mask()
    assert lengths is not None
    assert mask is not None
    assert mask.shape == (64, 100)
    assert (mask.sum(1) == lengths).all()
    assert (np.diff(mask.astype(int), axis=1) <= 0).all()
    assert (lengths.min() >= 1, lengths.max()) == (True, 100)
    assert SMALL.mask() is SMALL.lengths() is None
    assert SMALL.inputs().shape == (2, 3, 2)


def test_quartiles_and_geometric_mean() -> None:
    assert spread([5, 1, 4, 2, 3]) == Spread(3, 2, 4)
    assert geometric_mean([0.5, 2, 3, 1 / 3]) == pytest.approx(1)
    assert geometric_mean([2, 8]) == pytest.approx(4)


def test_ratios_are_taken_round_by_round() -> None:
    """A slow moment hits all contestants of its round, and leaves the ratio as it is."""
    rounds = {OURS: [1.0, 10.0, 2.0], "torch.nn": [2.0, 20.0, 8.0]}
    result = Race({}, {}, rounds)
    assert result.ratios() == {"torch.nn": Spread(2, 2, 3)}
    assert result.seconds() == {OURS: 2, "torch.nn": 8}


def test_summary_leaves_dashes_out() -> None:
    ratios = {"a": {"torch.nn": 0.5, "keras.layers": 3.0}, "b": {"torch.nn": 2.0}}
    found = summary(ratios)
    assert found["torch.nn"]["geometric_mean"] == pytest.approx(1)
    assert found["torch.nn"]["worst"] == {"case": "a", "ratio": 0.5}
    assert found["keras.layers"]["cases"] == 1


def test_rounds_are_interleaved_and_begin_with_each_in_turn() -> None:
    log: list[str] = []

    def clock(contestant: Any, action: str, repetitions: int) -> float:
        assert action == "train"
        log.append(contestant.name)
        return 5e-3

    result = race([Fake("a"), Fake("b")], "train", {}, 0.0, (3, 9), clock)
    assert log[-6:] == ["a", "b", "b", "a", "a", "b"]
    assert result.rounds == {"a": [5e-3] * 3, "b": [5e-3] * 3}
    assert result.repetitions == {"a": 1, "b": 1}
    assert len(race([Fake("a")], "train", {}, 60.0, (3, 9), clock).rounds["a"]) == 9


def test_short_calls_are_repeated_to_fill_a_block() -> None:
    assert [calls_in_block(seconds) for seconds in (1.0, 2e-3, 1.5e-3, 1e-4)] == [1, 1, 2, 20]


@pytest.mark.parametrize("action", ["infer", "train"])
def test_contestants_that_differ_are_an_error(action: str) -> None:
    what = {"infer": "outputs", "train": "gradient_norm"}[action]
    check_same([Fake(OURS, 1.00005), Fake("torch.nn")], action, SMALL)
    check_same([Fake(OURS, 2.0), Fake("keras.layers")], action, SMALL)
    message = rf"LSTM \(2,3,2,4\): .* the {what} of kerasrnn and of torch.nn differ by 1.0e-03"
    with pytest.raises(MismatchError, match=message):
        check_same([Fake(OURS, 1.001), Fake("torch.nn")], action, SMALL)
    with pytest.raises(MismatchError):
        check_same([Fake(OURS, math.nan), Fake("torch.nn")], action, SMALL)


def test_memory_is_compared_with_torch() -> None:
    assert memory([Fake(OURS, 30), Fake("torch.nn", 20), Fake("keras.layers", 60)]) == {
        "peak_bytes": {OURS: 30, "torch.nn": 20, "keras.layers": 60},
        "ours_to_torch.nn": 1.5,
    }
    assert memory([Fake(OURS, 30)]) == {"peak_bytes": {OURS: 30}}


@pytest.mark.parametrize(
    "options",
    [{}, {"num_layers": 2, "bidirectional": True}, {"masked": True}, {"proj_size": 2}],
    ids=["plain", "stack", "masked", "projected"],
)
def test_contestants_give_outputs_gradients_and_memory(options: dict[str, Any]) -> None:
    case = Case("LSTM", 3, 4, 2, 4, **options)
    layer, contestants = contestants_of(case)
    assert contestants[0].name == OURS
    for action in ("infer", "train"):
        check_same(contestants, action, case)
    width = (2 if case.bidirectional else 1) * (case.proj_size or case.units)
    mask = case.mask()
    for one in contestants:
        outputs = one.outputs()
        assert outputs.shape == (3, 4, width)
        assert outputs.dtype == np.float32
        assert one.gradient_norm() > 0
        # The outputs of all steps, at the least.
        assert one.peak_memory() >= outputs.nbytes
        if mask is not None:
            assert (outputs[~mask] == 0).all()
    assert kernel(layer, case, True)["kernel"]
    assert ("keras.layers" in [one.name for one in contestants]) == (case.proj_size == 0)


def test_memory_is_the_same_in_every_run() -> None:
    _, contestants = contestants_of(SMALL)
    for one in contestants:
        assert one.peak_memory() == one.peak_memory()


def test_growth_leaves_out_who_became_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    times = {OURS: 0.1, "keras.layers": 2.0}

    def fakes(case: Case, without: tuple[str, ...]) -> tuple[None, list[Fake]]:
        return None, [Fake(name) for name in times if name not in without]

    def fixed(contestants: list[Fake], *_: Any) -> Race:
        return Race({}, {}, {one.name: [times[one.name]] for one in contestants})

    monkeypatch.setattr(growth, "contestants_of", fakes)
    monkeypatch.setattr(growth, "race", fixed)
    sweeps = {"time": (Case("LSTM", 8, 0, 8, 32), (64, 256))}
    told: list[str] = []
    (found,) = growth.run_growth(["GRU"], sweeps, 60.0, told.append)
    assert told == ["GRU by time"]
    assert (found.kind, found.fixed) == ("GRU", {"batch": 8, "features": 8, "units": 32})
    assert found.seconds == {OURS: [0.1, 0.1], "keras.layers": [2.0, None]}
    assert found.skipped == {"keras.layers": "took 2.00 s at time 64, above the cap of 0.3 s"}


def test_growth_ends_when_its_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "contestants_of", lambda *_, **__: (None, [Fake(OURS)]))
    found = growth.grow(Case("LSTM", 8, 0, 8, 32), "time", (64, 256), 0.0, 1.0)
    assert found.seconds[OURS][1] is None
    assert found.skipped == {OURS: "no time was left for time 256 and above"}


def test_table_has_dashes_where_a_peer_is_missing() -> None:
    one_pass = {
        "contestants": {OURS: {"median_s": 0.0015}},
        "ratios": {"torch.nn": {"median": 1.5}},
    }
    result = {
        "name": "LSTM",
        "inference": one_pass,
        "training": one_pass,
        "memory": {"peak_bytes": {OURS: 2_000_000}},
    }
    peers = ["torch.nn", "keras.layers"]
    cells = ["1.5", "1.50", "-"]
    assert rows([result], peers) == [["LSTM", *cells, *cells, "2", "-"]]
    assert len(headings(peers)) == len(rows([result], peers)[0])
    assert footers([result], summaries([result]), peers)[1][:4] == ["worst", "", "1.50", "-"]
    assert "| geometric mean |  | 1.50 | - |" in markdown_table(
        [result], summaries([result]), peers
    )


@pytest.mark.usefixtures("tiny")
def test_command_writes_table_numbers_and_pictures(tmp_path: Path) -> None:
    result = kerasrnn("bench", "--quick", "--cases", "lstm (1,", "--output", tmp_path)
    assert result.status == 0
    assert all(f"{peer} is left out; {why}" in result.err for peer, why in left_out().items())
    assert names(tmp_path) == FILES
    assert all((tmp_path / name).stat().st_size > 10_000 for name in FILES[1:])
    content = json.loads((tmp_path / "bench.json").read_text())
    assert list(content) == ["quick", "machine", "left_out", "cases", "summary", "growth"]
    assert content["machine"]["backend"] == keras.backend.backend()
    assert content["machine"]["versions"]["keras"] == keras.__version__
    (case,) = content["cases"]
    assert case["name"] == "LSTM (1,49,1,16)"
    for action in ("inference", "training"):
        peers = set(case[action]["ratios"])
        assert (
            {OURS, *peers} == set(case[action]["contestants"]) == set(case["memory"]["peak_bytes"])
        )
        assert all(len(c["rounds_s"]) == 2 for c in case[action]["contestants"].values())
        assert set(case[action]["ratios"]["keras.layers"]) == {
            "median",
            "lower_quartile",
            "upper_quartile",
        }
        assert set(content["summary"][action]) == peers
        assert case[action]["kernel"] in ORDER[keras.backend.backend()]
    assert [(one["kind"], one["axis"]) for one in content["growth"]] == [
        ("LSTM", "time"),
        ("LSTM", "batch"),
    ]
    assert "LSTM (1,49,1,16)" in result.out
    assert "geometric mean" in result.out
    assert str(tmp_path / "bench.json") in result.out


@pytest.mark.parametrize(
    ("options", "part"),
    [(["--cases", "conv"], "--cases 'conv' is in no name; they are such as 'LSTM projected to 64")],
)
def test_bad_options_are_refused_in_one_line(tmp_path: Path, options: list[str], part: str) -> None:
    assert part in complaint(kerasrnn("bench", *options, "--output", tmp_path / "out"))
    assert names(tmp_path) == []


def test_no_thread_is_no_number_of_threads(tmp_path: Path) -> None:
    result = kerasrnn("bench", "--threads", 0, "--output", tmp_path / "out")
    assert result.status == 2
    assert "--threads" in result.err
    assert names(tmp_path) == []


@pytest.mark.usefixtures("tiny")
def test_interrupt_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "run_growth", interrupt)
    result = kerasrnn("bench", "--quick", "--cases", "lstm (1,", "--output", tmp_path / "out")
    assert result.status == 130
    assert "Traceback" not in result.err
    assert names(tmp_path) == []
