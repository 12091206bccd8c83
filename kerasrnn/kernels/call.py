"""The static facts about one call of a layer, on which a kernel is chosen."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Call:
    """What a kernel may look at before it says whether it can run.

    Sizes that are not known yet, in a symbolic build, are None.

    Attributes:
        backend: Keras's backend.
        mode: `"rnn_tanh"`, `"rnn_relu"`, `"lstm"`, `"gru"` or `"gru_reset_before"`.
        batch, time: Sizes of the input's first two dimensions.
        input_size: Features of the input.
        units: Size of the hidden state, of the cell state in an LSTM.
        proj_size: Size of an LSTM's projected hidden state, 0 without projection.
        num_layers: Layers in the stack.
        num_directions: 1, or 2 when bidirectional.
        use_bias: Whether there are bias vectors.
        dtype: Type in which the layer computes.
        masked: Whether a mask is given.
        recurrent_dropout: Whether recurrent dropout is at work.
    """

    backend: str
    mode: str
    batch: int | None
    time: int | None
    input_size: int
    units: int
    proj_size: int
    num_layers: int
    num_directions: int
    use_bias: bool
    dtype: str
    masked: bool
    recurrent_dropout: bool
