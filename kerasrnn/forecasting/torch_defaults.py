"""What the original programs took from torch without naming it."""

import keras

from kerasrnn.initializers import TorchUniform

# Keras's Adam adds epsilon before the bias correction, torch's after it: at the start of a
# training torch's 1e-8 has the effect of a smaller number here.
TORCH_EPSILON = 1e-9


def torch_linear(inputs: int, outputs: int) -> keras.layers.Dense:
    """Return a dense layer that starts as `torch.nn.Linear(inputs, outputs)` does."""
    return keras.layers.Dense(
        outputs,
        kernel_initializer=TorchUniform(inputs),
        bias_initializer=TorchUniform(inputs),
        name="linear",
    )
