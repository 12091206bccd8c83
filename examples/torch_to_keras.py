"""A trained torch.nn model moved to Keras, on JAX or torch: the same outputs; and back."""

from start import save  # sets the backend

import keras
import numpy as np
import torch
from matplotlib.figure import Figure
import kerasrnn

torch.manual_seed(0)


class Model(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(1, 16, 2, batch_first=True)
        self.linear = torch.nn.Linear(16, 1)

    def forward(self, x):
        return self.linear(self.lstm(x)[0])


time = torch.linspace(0, 20, 201)
x, y = torch.sin(time)[None, :-1, None], torch.sin(time)[None, 1:, None]
module = Model()
optimizer = torch.optim.Adam(module.parameters(), 1e-2)
for _ in range(100):
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(module(x), y)
    loss.backward()
    optimizer.step()
print(f"torch.nn, trained: loss {loss.item():.5f}")

# To Keras: the recurrent layer by kerasrnn, the dense one by its transposed weight.
inputs = keras.Input((None, 1))
dense = keras.layers.Dense(1)
model = keras.Model(inputs, dense(kerasrnn.from_torch(module.lstm, return_sequences=True)(inputs)))
# Copied, for the numbers' memory is torch's, which may train on.
weights = (module.linear.weight, module.linear.bias)
dense.set_weights([weight.detach().numpy().T.copy() for weight in weights])
expected = module(x).detach().numpy()
moved = model.predict(x.numpy(), verbose=0)
print(
    f"Keras on {keras.backend.backend()}: largest difference {np.abs(moved - expected).max():.1e}"
)

# And back, after some more training in Keras.
model.compile(keras.optimizers.Adam(1e-3), "mse")
model.fit(x.numpy(), y.numpy(), epochs=20, verbose=0)
module.lstm = kerasrnn.to_torch(model.layers[1])
kernel, bias = dense.get_weights()
module.linear.weight.data, module.linear.bias.data = torch.tensor(kernel.T), torch.tensor(bias)
trained = model.predict(x.numpy(), verbose=0)
difference = np.abs(trained - module(x).detach().numpy()).max()
print(f"back in torch.nn: largest difference {difference:.1e}")

figure = Figure(figsize=(8, 5), layout="constrained")
upper, lower = figure.subplots(2, 1, sharex=True)
upper.plot(time[1:], y[0, :, 0], color="#9aa5b8", linewidth=5, label="sine")
upper.plot(time[1:], expected[0, :, 0], color="#33415c", label="torch.nn")
upper.plot(time[1:], moved[0, :, 0], "--", color="#e07a1f", label="the same weights in Keras")
upper.set(title="One step ahead", ylim=(-1.2, 2))
upper.legend(ncols=3, loc="upper center")
lower.plot(time[1:], (moved - expected)[0, :, 0], color="#e07a1f")
lower.set(xlabel="time", title="Keras less torch.nn: rounding")
save(figure, "torch_to_keras.png")
