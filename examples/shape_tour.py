"""The shapes of RNN and LSTM, layers and cells: what goes in, and what comes out."""

from start import save  # sets the backend

import keras
from matplotlib.figure import Figure
import kerasrnn

keras.utils.set_random_seed(0)
x = keras.random.normal((10, 3, 100))  # (time, batch, features), as torch.nn has it


def show(name: str, *tensors) -> None:
    print(f"{name:46} {', '.join(str(tuple(tensor.shape)) for tensor in tensors)}")


options = {"batch_first": False, "return_sequences": True, "return_state": True}

layer = kerasrnn.RNN(20, **options)
outputs, h = layer(x)
show("RNN(20): outputs, h", outputs, h)
show("  kernel, recurrent_kernel, bias", *layer.weights)

layer = kerasrnn.RNN(20, num_layers=4, **options)
outputs, *states = layer(x)
show("RNN(20, num_layers=4): outputs, 4 x h", outputs, *states)

cell = kerasrnn.RNNCell(20)
h = keras.ops.zeros((3, 20))
for step in x:
    h = cell(step, h)
show("RNNCell(20), step by step: h", h)

below, above = kerasrnn.RNNCell(30), kerasrnn.RNNCell(20)
h1, h2 = keras.ops.zeros((3, 30)), keras.ops.zeros((3, 20))
for step in x:
    h1 = below(step, h1)
    h2 = above(h1, h2)
show("two RNNCells, 100 -> 30 -> 20: h1, h2", h1, h2)

layer = kerasrnn.LSTM(20, num_layers=4, **options)
outputs, *states = layer(x)
show("LSTM(20, num_layers=4): outputs, 4 x (h, c)", outputs, *states)

cell = kerasrnn.LSTMCell(20)
h, c = keras.ops.zeros((3, 20)), keras.ops.zeros((3, 20))
for step in x:
    h, c = cell(step, h, c)
show("LSTMCell(20), step by step: h, c", h, c)

below, above = kerasrnn.LSTMCell(30), kerasrnn.LSTMCell(20)
h1, c1 = keras.ops.zeros((3, 30)), keras.ops.zeros((3, 30))
h2, c2 = keras.ops.zeros((3, 20)), keras.ops.zeros((3, 20))
for step in x:
    h1, c1 = below(step, h1, c1)
    h2, c2 = above(h1, h2, c2)
show("two LSTMCells, 100 -> 30 -> 20: h1, c1, h2, c2", h1, c1, h2, c2)

figure = Figure(figsize=(8, 3), layout="constrained")
axes = figure.subplots()
values = keras.ops.convert_to_numpy(outputs)[:, 0].T
most = abs(values).max()
image = axes.imshow(values, cmap="RdBu", aspect="auto", vmin=-most, vmax=most)
axes.set(xlabel="time step", ylabel="unit", title="Hidden states of the top LSTM layer")
axes.set_yticks(range(0, 20, 5))
figure.colorbar(image, label="h")
save(figure, "shape_tour.png")
