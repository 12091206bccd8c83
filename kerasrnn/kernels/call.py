"""The static facts about one call of a layer, on which a kernel is chosen."""

from dataclasses import dataclass
from math import isqrt


@dataclass(frozen=True)
class Call:
    """What a kernel may look at before it says whether it can run.

    Sizes that are not known yet, in a symbolic build, are None.

    Attributes:
        backend: Keras's backend.
        device: `"cpu"`, `"gpu"` or another kind.
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
        gradients: Whether gradients may be asked for.
        compiling: Whether `torch.compile` or `torch.export` traces the call, or `jax.export`
            for any size.
        dropout, input_dropout, recurrent_dropout: Whether these are at work.
        return_sequences: Whether the outputs of all steps are wanted.
        checkpoint_every: Steps between stored states, `"sqrt"` for the square root of
            all steps, or None to store every step.
    """

    backend: str
    device: str
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
    gradients: bool
    compiling: bool
    dropout: bool
    input_dropout: bool
    recurrent_dropout: bool
    return_sequences: bool
    checkpoint_every: int | str | None

    def segment(self, time: int) -> int:
        """Return the number of steps from one stored state to the next."""
        return segment_length(self.checkpoint_every, time)


def segment_length(checkpoint_every: int | str | None, time: int) -> int:
    """Return the number of steps from one stored state to the next."""
    if checkpoint_every is None:
        return time
    if checkpoint_every == "sqrt":
        return isqrt(max(time - 1, 0)) + 1
    return min(int(checkpoint_every), time)
