"""An LSTM with four separate gate matrices, written as a Keras layer, beside kerasrnn.LSTM.

Input 10, hidden 20, batch 5, 15 steps; the last hidden state is trained towards a target. Both
start from the same weights and give the same outputs. They learn nearly the same: kerasrnn.LSTM has
two biases, as torch.nn, and as both are trained, their sum moves about twice as fast.
"""

from start import save  # sets the backend

import keras
import numpy as np
from keras import ops
from matplotlib.figure import Figure
import kerasrnn

FEATURES, HIDDEN, BATCH, STEPS, EPOCHS = 10, 20, 5, 15, 100
GATES = ("i", "f", "g", "o")


class LSTMByHand(keras.layers.Layer):
    """f, i, C~ and o: each has one matrix on [h, x], and a bias."""

    def build(self, shape):
        start = keras.initializers.RandomUniform(-0.08, 0.08)
        for gate in GATES:
            size = (HIDDEN + shape[-1], HIDDEN)
            setattr(self, f"w_{gate}", self.add_weight(size, start, name=f"w_{gate}"))
            setattr(self, f"b_{gate}", self.add_weight((HIDDEN,), start, name=f"b_{gate}"))

    def call(self, x):
        h = c = ops.zeros((x.shape[0], HIDDEN))
        for t in range(x.shape[1]):
            both = ops.concatenate([h, x[:, t]], axis=-1)
            i = ops.sigmoid(both @ self.w_i + self.b_i)
            f = ops.sigmoid(both @ self.w_f + self.b_f)
            candidate = ops.tanh(both @ self.w_g + self.b_g)
            o = ops.sigmoid(both @ self.w_o + self.b_o)
            c = f * c + i * candidate
            h = o * ops.tanh(c)
        return h


def model_of(layer: keras.Layer) -> keras.Model:
    inputs = keras.Input(batch_shape=(BATCH, STEPS, FEATURES))
    model = keras.Model(inputs, layer(inputs))
    model.compile(keras.optimizers.Adam(1e-3), "mse")
    return model


keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(BATCH, STEPS, FEATURES)).astype("float32")
target = rng.normal(size=(BATCH, HIDDEN)).astype("float32")

by_hand, ours = LSTMByHand(), kerasrnn.LSTM(HIDDEN)
models = {"by hand": model_of(by_hand), "kerasrnn.LSTM": model_of(ours)}
matrices = [ops.convert_to_numpy(getattr(by_hand, f"w_{gate}")) for gate in GATES]
biases = np.concatenate([ops.convert_to_numpy(getattr(by_hand, f"b_{gate}")) for gate in GATES])
kernel = np.concatenate([matrix[HIDDEN:] for matrix in matrices], axis=1)
recurrent_kernel = np.concatenate([matrix[:HIDDEN] for matrix in matrices], axis=1)
ours.set_weights([kernel, recurrent_kernel, np.stack([biases, np.zeros_like(biases)])])

outputs = [model.predict(x, verbose=0) for model in models.values()]
print(f"largest difference before training: {np.abs(outputs[0] - outputs[1]).max():.1e}")

figure = Figure(figsize=(6, 4), layout="constrained")
axes = figure.subplots()
for name, model in models.items():
    losses = model.fit(x, target, batch_size=BATCH, epochs=EPOCHS, verbose=0).history["loss"]
    print(f"{name:14} loss {losses[0]:.4f} -> {losses[-1]:.4f}")
    axes.plot(losses, "-" if name == "by hand" else "--", label=name)
axes.set(xlabel="epoch", ylabel="mean squared error", title="One bias, and two")
axes.legend()
save(figure, "lstm_by_hand.png")
