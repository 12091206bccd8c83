"""Why RNNs forget: gradients that vanish and explode, and how an LSTM keeps them alive.

The Jacobian of h_t by h_1 is the product of diag(f') U over all steps between. Where the recurrent
weights U make vectors shorter it vanishes, where they make them longer it explodes. An LSTM's cell
state is multiplied by its forget gate instead: near 1, it hands gradients on. A bias of 1 opens the
gate to 0.73 only, one of 3 to 0.95.
"""

from start import save  # sets the backend

import keras
import numpy as np
from keras import ops
import kerasrnn
from kerasrnn.diagnostics import gradient_flow, memory_length, plot_gradient_flow

STEPS = 60

keras.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(8, STEPS, 8)).astype("float32")


def orthogonal(scale: float) -> dict[str, keras.initializers.Initializer]:
    """Return recurrent weights that make every vector `scale` times as long."""
    return {"recurrent_initializer": keras.initializers.Orthogonal(scale, seed=0)}


def lstm(forget_bias: float) -> kerasrnn.LSTM:
    """Return an LSTM whose forget gate is at sigmoid(forget_bias), but for its inputs."""
    layer = kerasrnn.LSTM(32)
    layer.build(x.shape)
    bias = ops.convert_to_numpy(layer.cells[0].bias).copy()
    bias[:, 32:64] = [[forget_bias], [0]]  # gates i, f, g, o
    layer.cells[0].bias.assign(bias)
    return layer


layers = {
    "RNN, orthogonal x 0.5": kerasrnn.RNN(32, **orthogonal(0.5)),
    "RNN, orthogonal": kerasrnn.RNN(32, **orthogonal(1.0)),
    "RNN, orthogonal x 3": kerasrnn.RNN(32, **orthogonal(3.0)),
    "GRU": kerasrnn.GRU(32),
    "LSTM, forget bias 1": lstm(1),
    "LSTM, forget bias 3": lstm(3),
}
flows = {}
for name, layer in layers.items():
    flows[name] = gradient_flow(layer, x)
    remembered = memory_length(layer, x)
    after = f"more than {STEPS - 1} steps" if remembered is None else f"{remembered} steps"
    reach = f"dh_{STEPS}/dh_1 {flows[name].hidden[0, -1]:.1e}"
    print(f"{name:21} {reach}, a perturbation falls below 1 % after {after}")
save(plot_gradient_flow(flows), "why_rnns_forget.png")
