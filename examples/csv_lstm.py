"""An LSTM forecasts the second column of a CSV file, one step ahead.

The values are divided by their range, windows of two values are the features, the first 70 % train
a 2-layer LSTM of 4 units with a linear layer: Adam 1e-2, 1000 epochs, all windows at once. Beside
it stands the naive forecast, which repeats the last value: on these data a network must beat that.
"""

from start import save  # sets the backend

from importlib.resources import files

import keras
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
import kerasrnn

LOOK_BACK, EPOCHS = 2, 1000
FILE = files("kerasrnn.forecasting") / "datasets" / "air_passengers.csv"

keras.utils.set_random_seed(0)
values = pd.read_csv(FILE).iloc[:, 1].dropna().to_numpy("float32")
scale = values.max() - values.min()
windows = np.lib.stride_tricks.sliding_window_view(values / scale, LOOK_BACK + 1)
x, y = windows[:, None, :LOOK_BACK], windows[:, None, LOOK_BACK:]  # (windows, 1, features)
count = int(0.7 * len(x))

inputs = keras.Input((1, LOOK_BACK))
hidden = kerasrnn.LSTM(4, num_layers=2, return_sequences=True)(inputs)
model = keras.Model(inputs, keras.layers.Dense(1)(hidden))
model.compile(keras.optimizers.Adam(1e-2), "mse")
history = model.fit(x[:count], y[:count], batch_size=count, epochs=EPOCHS, verbose=0)
print(f"training loss {history.history['loss'][0]:.4f} -> {history.history['loss'][-1]:.4f}")

predicted = scale * model.predict(x, verbose=0)[:, 0, 0]
actual, naive = values[LOOK_BACK:], values[LOOK_BACK - 1 : -1]
for name, forecast in {"LSTM": predicted, "naive": naive}.items():
    error = np.sqrt(np.mean((forecast - actual)[count:] ** 2))
    print(f"{name:6} root mean square error after the training rows: {error:.1f}")

figure = Figure(figsize=(9, 4), layout="constrained")
axes = figure.subplots()
axes.plot(values, color="#33415c", label="real")
axes.plot(range(LOOK_BACK, len(values)), predicted, color="#e07a1f", label="one step ahead")
axes.axvline(LOOK_BACK + count, color="#9aa5b8", linestyle="--")
axes.set(xlabel="row", ylabel="passengers", title="The training rows end at the dashed line")
axes.legend()
save(figure, "csv_lstm.png")
