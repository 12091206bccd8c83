"""Why RNNs forget: gradients that vanish and explode, and how an LSTM keeps them alive.

The Jacobian of h_t by h_1 is the product of diag(f') U over all steps between. Where the recurrent
weights U make vectors shorter it vanishes, where they make them longer it explodes. An LSTM's cell
state is multiplied by its forget gate instead: near 1, it hands gradients on.
"""

from options import OUTPUT  # sets the backend

import keras
import numpy as np
import kerasrnn
from kerasrnn.diagnostics import gradient_flow, memory_length, plot_gradient_flow

STEPS = 60

keras.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(8, STEPS, 8)).astype("float32")


def orthogonal(scale: float) -> dict[str, keras.initializers.Initializer]:
    """Return recurrent weights that make every vector `scale` times as long."""
    return {"recurrent_initializer": keras.initializers.Orthogonal(scale, seed=0)}


layers = {
    "RNN, weights of 0.5": kerasrnn.RNN(32, **orthogonal(0.5)),
    "RNN, weights of 1": kerasrnn.RNN(32, **orthogonal(1.0)),
    "RNN, weights of 3": kerasrnn.RNN(32, **orthogonal(3.0)),
    "GRU": kerasrnn.GRU(32),
    "LSTM": kerasrnn.LSTM(32),
    "LSTM, forget bias 1": kerasrnn.LSTM(32, unit_forget_bias=True),
}
flows = {}
for name, layer in layers.items():
    flows[name] = gradient_flow(layer, x)
    remembered = memory_length(layer, x)
    after = f"more than {STEPS - 1} steps" if remembered is None else f"{remembered} steps"
    reach = f"dh_{STEPS}/dh_1 {flows[name].hidden[0, -1]:.1e}"
    print(f"{name:20} {reach}, a perturbation falls below 1 % after {after}")
plot_gradient_flow(flows).savefig(OUTPUT / "why_rnns_forget.png")
