"""The RNN, LSTM and GRU of `torch.nn` as Keras layers, and forecasts from a CSV file."""

# isort: off
from kerasrnn.backend import select_backend

select_backend()  # before anything imports Keras
# isort: on

from kerasrnn.cells import GRUCell, LSTMCell, RNNCell
from kerasrnn.initializers import TorchUniform
from kerasrnn.interop import (
    from_keras,
    from_torch,
    load_torch_state_dict,
    states_from_torch,
    states_to_torch,
    to_torch,
    torch_state_dict,
)
from kerasrnn.kernels.explanation import explain
from kerasrnn.layers import GRU, LSTM, RNN

__version__ = "0.1.0"

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "GRUCell",
    "LSTMCell",
    "RNNCell",
    "TorchUniform",
    "explain",
    "from_keras",
    "from_torch",
    "load_torch_state_dict",
    "states_from_torch",
    "states_to_torch",
    "to_torch",
    "torch_state_dict",
]
