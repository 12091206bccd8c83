"""The initial weights of `torch.nn`'s layers."""

from typing import Any

import keras

from kerasrnn.types import Initializer


@keras.saving.register_keras_serializable(package="kerasrnn")
class TorchUniform(keras.initializers.RandomUniform):
    """Draw from U(-1/sqrt(fan), 1/sqrt(fan)), as `torch.nn` does.

    >>> dense = keras.layers.Dense(
    ...     1, kernel_initializer=TorchUniform(16), bias_initializer=TorchUniform(16)
    ... )  # starts as torch.nn.Linear(16, 1) does

    Args:
        fan: Size that bounds the draw. `torch.nn.RNN`, `LSTM` and `GRU` use their
            hidden size for every weight and bias, `torch.nn.Linear` its input size.
        seed: Integer, `keras.random.SeedGenerator` or None, as in
            `keras.initializers.RandomUniform`.

    Raises:
        ValueError: `fan` is not positive.

    Source: documentation of `torch.nn.LSTM` and `torch.nn.Linear`.
    """

    def __init__(self, fan: int, seed: Any = None) -> None:
        if fan < 1:
            raise ValueError(f"fan must be a positive integer. Got {fan!r}.")
        self.fan = fan
        super().__init__(-(fan**-0.5), fan**-0.5, seed=seed)

    def get_config(self) -> dict[str, Any]:
        return {"fan": self.fan, "seed": super().get_config()["seed"]}


def get_initializer(identifier: Initializer, units: int) -> Initializer:
    """Resolve an initializer; `"torch_uniform"` is `TorchUniform(units)`.

    One Keras initializer draws the same numbers every time. So that two weights do not
    start equal, each gets a copy, for which Keras draws a new seed. One that was given an
    integer seed keeps it, and gives all weights of one shape the same numbers.
    """
    if isinstance(identifier, str) and identifier == "torch_uniform":
        return TorchUniform(units)
    initializer = keras.initializers.get(identifier)
    drawn_seed = isinstance(getattr(initializer, "seed", None), int)
    return initializer.clone() if drawn_seed else initializer
