"""The sine program: its data, its training with the state carried over, its checkpoints."""

from itertools import islice
from typing import Any

import keras
import numpy as np
import pytest

from kerasrnn.forecasting import DataError, sine
from kerasrnn.forecasting.sine import (
    STARTS,
    SineRun,
    classic_batches,
    curve,
    generate,
    improved_batches,
    new_model,
    train,
)
from tests.sines import carried, everything


def sampled(start: int) -> np.ndarray:
    """Return 50 points of the sine on [start, start + 10]."""
    return np.array([np.sin(start + 10 * i / 49) for i in range(50)])


def classic_run(count: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(islice(classic_batches(seed), count))


def test_curves_are_50_points_of_the_sine() -> None:
    for start in (0, 1, 2):
        np.testing.assert_allclose(curve(start), sampled(start), rtol=1e-12, atol=1e-15)
    assert STARTS == (0, 1, 2)


def test_classic_batches_are_single_curves_and_what_follows() -> None:
    seen = set()
    for inputs, targets in classic_run(40, seed=0):
        assert inputs.shape == targets.shape == (1, 49, 1)
        assert inputs.dtype == targets.dtype == np.float32
        (start,) = (s for s in STARTS if abs(inputs[0, 0, 0] - np.sin(s)) < 1e-6)
        np.testing.assert_allclose(inputs[0, :, 0], sampled(start)[:-1], atol=1e-7)
        np.testing.assert_allclose(targets[0, :, 0], sampled(start)[1:], atol=1e-7)
        seen.add(start)
    assert seen == {0, 1, 2}


def test_seed_governs_the_order_of_curves() -> None:
    first, again, other = (
        [float(inputs[0, 0, 0]) for inputs, _ in classic_run(40, seed)] for seed in (5, 5, 6)
    )
    assert first == again != other


def test_improved_batches_are_all_curves_with_fading_noise() -> None:
    batches = list(improved_batches(seed=0, iterations=100))
    clean = np.stack([sampled(start) for start in STARTS])[..., None]
    noise = np.stack([inputs - clean[:, :-1] for inputs, _, _ in batches])
    assert noise.shape == (100, 3, 49, 1)
    assert np.abs(noise[:, :, 0]).max() < 1e-6  # the first point is given as it is
    for iteration in (0, 50):
        expected = 0.01 * (1 - iteration / 100)  # 147 values: their spread is known to a quarter
        assert noise[iteration, :, 1:].std() == pytest.approx(expected, rel=0.25)
    for _, targets, weights in batches:
        np.testing.assert_allclose(targets, clean[:, 1:], atol=1e-7)
        assert weights.tolist() == [[20.0] + [1.0] * 48] * 3
    again = next(improved_batches(seed=0, iterations=100))[0]
    assert again.tobytes() == batches[0][0].tobytes()


def test_small_weights_are_drawn_from_a_narrow_normal() -> None:
    kernel, recurrent, bias, linear, _ = new_model(SineRun(init="small")).get_weights()
    drawn = np.concatenate([kernel.ravel(), recurrent.ravel(), bias.ravel()])
    assert drawn.size == 16 + 256 + 32
    assert drawn.std() == pytest.approx(0.001, rel=0.15)  # of 304 values: +-4 % is one sigma
    assert bias.std() == pytest.approx(0.001, rel=0.4)
    assert len(np.unique(drawn)) == drawn.size
    assert np.abs(linear).max() > 0.1  # only the RNN is made small


def test_default_weights_are_those_of_torch() -> None:
    bound = 16**-0.5
    for weight in new_model(SineRun()).get_weights():
        assert np.abs(weight).max() <= bound
    assert np.abs(new_model(SineRun()).get_weights()[1]).max() > 0.9 * bound


def test_clipping_is_set_up_as_the_recipe_says() -> None:
    def norms(**options: Any) -> tuple[float | None, float | None]:
        optimizer = new_model(SineRun(**options)).optimizer
        return optimizer.clipnorm, optimizer.global_clipnorm

    assert norms() == (None, None)
    assert norms(clip=0.5) == (0.5, None)
    assert norms(recipe="improved") == (None, 0.1)
    assert norms(recipe="improved", clip=0.5) == (None, 0.5)


def test_clipping_and_initialisation_change_what_is_learned() -> None:
    def learned(**options: Any) -> bytes:
        return train(SineRun(iterations=100, **options), report=False).get_weights()[1].tobytes()

    assert len({learned(), learned(clip=0.01), learned(init="small"), learned(seed=1)}) == 4


def by_hand(
    weights: list[np.ndarray], inputs: np.ndarray, state: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return outputs and last state of the network, computed in NumPy one step at a time."""
    kernel, recurrent, bias, linear, offset = (weight.astype("float64") for weight in weights)
    outputs = []
    for value in inputs:
        state = np.tanh(value * kernel[0] + bias[0] + state @ recurrent + bias[1])
        outputs.append(float((state @ linear + offset)[0]))
    return np.array(outputs), state


def test_state_is_carried_from_one_iteration_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network with a long memory, which does not learn, sees one single long sequence."""
    run = SineRun(iterations=200)
    model = new_model(run)
    weights = [0.02 * weight for weight in model.get_weights()]
    weights[1] = 0.9999 * np.eye(16)
    model.set_weights(weights)
    model.optimizer.learning_rate = 0.0
    monkeypatch.setattr(sine, "new_model", lambda _: model)
    train(run, report=False)
    sequence = np.concatenate([inputs.ravel() for inputs, _ in classic_run(200, run.seed)])
    _, expected = by_hand(weights, sequence, np.zeros(16))
    np.testing.assert_allclose(carried(model), expected, atol=1e-4)
    _, forgetful = by_hand(weights, sequence[-49:], np.zeros(16))
    assert np.abs(forgetful - expected).max() > 0.05  # so a lost state would be seen


@pytest.mark.parametrize("recipe", ["classic", "improved"])
def test_generation_feeds_predictions_back(recipe: str) -> None:
    model = train(SineRun(recipe, iterations=100), report=False)
    state = carried(model) if recipe == "classic" else np.zeros(16)
    value, expected = float(curve(1)[0]), []
    for _ in range(49):
        (value,), state = by_hand(model.get_weights(), np.array([value]), state)
        expected.append(value)
    before = everything(model)
    generated = generate(model, float(curve(1)[0]))
    np.testing.assert_allclose(generated, expected, atol=1e-4)
    assert np.ptp(expected) > 0.05
    assert everything(model) == before
    assert generate(model, float(curve(1)[0]), steps=5).tolist() == generated[:5].tolist()


def mean_error(model: keras.Model) -> float:
    errors = [generate(model, float(curve(s)[0])) - sampled(s)[1:] for s in STARTS]
    return float(np.mean([np.sqrt(np.mean(error**2)) for error in errors]))


def test_improved_recipe_draws_better_curves_from_as_many_iterations() -> None:
    classic, improved = (
        mean_error(train(SineRun(recipe, iterations=400, seed=1), report=False))
        for recipe in ("classic", "improved")
    )
    assert improved < 0.7 * classic


def test_loss_is_reported_every_100_iterations(capsys: pytest.CaptureFixture[str]) -> None:
    train(SineRun(iterations=200))
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("iteration   100  loss 0.")
    assert second.startswith("iteration   200  loss 0.")
    assert float(second.split()[-1]) < float(first.split()[-1])
    train(SineRun(iterations=100), report=False)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recipe": "best"}, "recipe must be one of classic, improved. Got 'best'."),
        ({"init": "zeros"}, "init must be one of default, small. Got 'zeros'."),
        ({"iterations": 150}, "iterations must be a multiple of 100. Got 150."),
        ({"iterations": 0}, "iterations must be a multiple of 100. Got 0."),
        ({"clip": 0.0}, "clip must be above 0. Got 0."),
    ],
)
def test_bad_option_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        SineRun(**options)
    assert str(caught.value) == message
