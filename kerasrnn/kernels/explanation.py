"""Say which kernel runs a layer, and why each faster one does not."""

from dataclasses import dataclass, replace
from typing import Any

import keras

from kerasrnn.kernels import choose, why_not
from kerasrnn.kernels.call import Call


@dataclass(frozen=True)
class Explanation:
    """The kernel chosen for one layer.

    Attributes:
        layer: Name of the layer.
        call: The facts on which it was chosen.
        kernel: Name of the kernel that runs.
        reasons: For each kernel that comes before it in the table, why it does not.
    """

    layer: str
    call: Call
    kernel: str
    reasons: dict[str, str]

    def __str__(self) -> str:
        passed_over = [f"\n  not {name}: {reason}" for name, reason in self.reasons.items()]
        where = f"{self.call.backend} on {self.call.device}"
        return (
            f"{self.layer} ({self.call.mode}, {self.call.dtype}, {where}): "
            f"{self.kernel}{''.join(passed_over)}"
        )


class Explanations(list[Explanation]):
    """The explanations for all recurrent layers of a model; prints one a line."""

    def __str__(self) -> str:
        return "\n".join(map(str, self))


def explain(
    layer_or_model: keras.Layer,
    *,
    batch_size: int | None = None,
    time_steps: int | None = None,
    masked: bool = False,
    training: bool = False,
    compiling: bool = False,
    device: str | None = None,
    dtype: str | None = None,
) -> Explanations:
    """Say which kernel runs each recurrent layer of a layer or model.

    >>> layer = kerasrnn.LSTM(8, name="memory")
    >>> layer.build((None, 10, 3))
    >>> print(kerasrnn.explain(layer, batch_size=32))  # doctest: +ELLIPSIS
    memory (lstm, float32, ... on ...

    Args:
        layer_or_model: A built layer, or a model with such layers at any depth.
        batch_size, time_steps: Sizes of the inputs, where they are known.
        masked: Whether a mask will be given.
        training: Whether the call is one of training, so that dropouts are at work and
            gradients are recorded; else as under `torch.no_grad`.
        compiling: Whether the call is traced by `torch.compile` or `torch.export`.
        device: `"cpu"` or `"gpu"`. Default: where the layer's weights are.
        dtype: Type in which to compute, such as `"bfloat16"`. Default: the layer's.

    Raises:
        ValueError: there is no kerasrnn layer, one is not built, or no kernel fits.
    """
    layers = recurrent_layers_of(layer_or_model)
    if not layers:
        raise ValueError(
            f"expected an RNN, LSTM or GRU of kerasrnn, or a model of some. Got {layer_or_model}."
        )
    found = Explanations()
    for layer in layers:
        call = layer.describe_call(batch_size, time_steps, masked, training, training, compiling)
        call = replace(call, device=device or call.device, dtype=dtype or call.dtype)
        found.append(explain_layer(layer, call))
    return found


def recurrent_layers_of(of: Any) -> list[Any]:
    """Return the layers of kerasrnn in a layer or model, wherever they are in it, each once."""
    if not isinstance(of, keras.Layer):
        return []
    found = [layer for layer in of._flatten_layers() if hasattr(layer, "describe_call")]
    return list({id(layer): layer for layer in found}.values())


def explain_layer(layer: Any, call: Call) -> Explanation:
    """Explain the choice for one layer and call."""
    chosen = choose(call, layer.implementation)
    reasons = why_not(call)
    before = list(reasons)[: list(reasons).index(chosen)]
    if layer.implementation != "auto":
        passed_over = dict.fromkeys(before, f"implementation={chosen!r} was asked for")
    else:
        passed_over = {name: str(reasons[name]) for name in before}
    return Explanation(layer.name, call, chosen, passed_over)
