"""An RNN learns sine curves point by point, then draws one from its first point alone.

50 points of sin on [s, s + 10], where s is drawn from 0, 1, 2; hidden 16; Adam 1e-2, mean squared
error, 6000 iterations. The hidden state is carried from one curve to the next, and from the last
one to the drawing.
"""

from start import save  # sets the backend

import keras
import numpy as np
from matplotlib.figure import Figure
import kerasrnn

ITERATIONS, REPORT_EVERY = 6000, 100
keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)


def curve(start: int) -> np.ndarray:
    return np.sin(np.linspace(start, start + 10, 50)).astype("float32").reshape(1, 50, 1)


def batches():
    while True:
        points = curve(rng.integers(0, 3))
        yield points[:, :-1], points[:, 1:]


inputs = keras.Input(batch_shape=(1, None, 1))
hidden = kerasrnn.RNN(16, return_sequences=True, stateful=True, name="rnn")(inputs)
model = keras.Model(inputs, keras.layers.Dense(1)(hidden))
model.compile(keras.optimizers.Adam(1e-2), "mse")
report = keras.callbacks.LambdaCallback(
    on_epoch_end=lambda epoch, logs: print(
        f"iteration {(epoch + 1) * REPORT_EVERY:4}  loss {logs['loss']:.5f}"
    )
)
model.fit(
    batches(),
    steps_per_epoch=REPORT_EVERY,
    epochs=ITERATIONS // REPORT_EVERY,
    shuffle=False,
    verbose=0,
    callbacks=[report],
)

points = curve(1)
generated = [points[:, :1]]
for _ in range(49):
    generated.append(model.predict_on_batch(generated[-1]))
generated = np.concatenate(generated, axis=1)
error = np.sqrt(np.mean((generated - points)[:, 1:] ** 2))
print(f"drawn from the first point: root mean square error {error:.2f}")

figure = Figure(figsize=(7, 4), layout="constrained")
axes = figure.subplots()
time = np.linspace(1, 11, 50)
axes.scatter(time, points[0, :, 0], s=90, color="#9aa5b8", label="sine")
axes.scatter(time[1:], generated[0, 1:, 0], s=20, color="#e07a1f", label="generated")
axes.set(xlabel="time", title="A curve from its first point alone")
axes.legend()
save(figure, "sine_rnn.png")
