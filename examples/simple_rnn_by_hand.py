"""A recurrent network of two dense layers, i2h and h2o, beside the same network of an RNNCell.

At every step the hidden state is tanh of a linear layer on [input, hidden], and the output a linear
layer on the hidden state. The loss is summed over the steps. Hidden 50, Adam 1e-3, 50 epochs. Both
start with the same outputs; the RNNCell has two biases, as in torch.nn, whose sum moves faster.
"""

from start import save  # sets the backend

import keras
import numpy as np
from keras import ops
from matplotlib.figure import Figure
import kerasrnn

FEATURES, HIDDEN, OUTPUTS, STEPS, BATCH, EPOCHS = 4, 50, 2, 12, 32, 50


class ByHand(keras.layers.Layer):
    """i2h and h2o as dense layers."""

    def __init__(self):
        super().__init__()
        self.i2h = keras.layers.Dense(HIDDEN, "tanh")
        self.h2o = keras.layers.Dense(OUTPUTS)

    def call(self, x):
        h = ops.zeros((ops.shape(x)[0], HIDDEN))
        outputs = []
        for t in range(STEPS):
            h = self.i2h(ops.concatenate([x[:, t], h], axis=-1))
            outputs.append(self.h2o(h))
        return ops.stack(outputs, axis=1)


class OfACell(keras.layers.Layer):
    """The same steps by an RNNCell, which has the matrices apart."""

    def __init__(self):
        super().__init__()
        self.cell = kerasrnn.RNNCell(HIDDEN)
        self.h2o = keras.layers.Dense(OUTPUTS)

    def call(self, x):
        h = self.cell.get_initial_state(ops.shape(x)[0])[0]
        outputs = []
        for t in range(STEPS):
            h = self.cell(x[:, t], h)
            outputs.append(self.h2o(h))
        return ops.stack(outputs, axis=1)


def summed_over_steps(target, output):
    return ops.sum(ops.mean((target - output) ** 2, axis=(0, 2)))


def model_of(layer: keras.layers.Layer) -> keras.Model:
    inputs = keras.Input((STEPS, FEATURES))
    model = keras.Model(inputs, layer(inputs))
    model.compile(keras.optimizers.Adam(1e-3), summed_over_steps)
    return model


keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(512, STEPS, FEATURES)).astype("float32")
target = np.cumsum(x[:, :, :OUTPUTS], axis=1) / 4  # each output sums up one input

by_hand, of_a_cell = ByHand(), OfACell()
models = {"i2h and h2o": model_of(by_hand), "RNNCell": model_of(of_a_cell)}
kernel, bias = by_hand.i2h.get_weights()
two_biases = np.stack([bias, np.zeros_like(bias)])
of_a_cell.cell.set_weights([kernel[:FEATURES], kernel[FEATURES:], two_biases])
of_a_cell.h2o.set_weights(by_hand.h2o.get_weights())

outputs = [model.predict(x, verbose=0) for model in models.values()]
print(f"largest difference before training: {np.abs(outputs[0] - outputs[1]).max():.1e}")

figure = Figure(figsize=(6, 4), layout="constrained")
axes = figure.subplots()
for style, (name, model) in zip(("-", "--"), models.items(), strict=True):
    keras.utils.set_random_seed(1)  # the same order of batches
    losses = model.fit(x, target, BATCH, epochs=EPOCHS, verbose=0).history["loss"]
    print(f"{name:12} loss {losses[0]:.4f} -> {losses[-1]:.4f}")
    axes.semilogy(losses, style, label=name)
axes.set(xlabel="epoch", ylabel="squared error, summed over steps", title="Learning to sum up")
axes.legend()
save(figure, "simple_rnn_by_hand.png")
