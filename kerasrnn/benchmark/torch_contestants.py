"""Contestants that run on torch: torch.nn itself, and Keras layers on the torch backend."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from kerasrnn.benchmark.cases import Case
from kerasrnn.benchmark.torch_memory import peak_memory


class TorchContestant:
    """A function of torch and its weights.

    Args:
        name: As the table shows it.
        forward: Returns the outputs of all steps.
        weights: What to differentiate by.
        gradient: Of the outputs.
        device: `"cpu"` or `"cuda"`.
    """

    def __init__(
        self,
        name: str,
        forward: Callable[[], torch.Tensor],
        weights: Sequence[torch.Tensor],
        gradient: np.ndarray,
        device: str,
    ) -> None:
        self.name = name
        self.forward = forward
        self.weights = list(weights)
        self.gradient = torch.tensor(gradient, device=device)
        self.device = device

    def infer(self) -> torch.Tensor:
        """Run forward, recording nothing."""
        with torch.no_grad():
            return self.forward()

    def train(self) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """Return the outputs, and the gradients by all weights from theirs."""
        outputs = self.forward()
        return outputs, torch.autograd.grad(outputs, self.weights, self.gradient)

    def wait(self, result: Any) -> None:
        """Return when the device is done; a CPU is done already."""
        if self.device == "cuda":
            torch.cuda.synchronize()

    def outputs(self) -> np.ndarray:
        """Return the outputs of all steps."""
        return self.infer().cpu().numpy()

    def gradient_norm(self) -> float:
        """Return the norm of all gradients together; the order of weights is no matter."""
        return float(torch.stack([g.double().square().sum() for g in self.train()[1]]).sum()) ** 0.5

    def peak_memory(self) -> int:
        """Return the most bytes held in a training step."""
        return peak_memory(self.train, self.device)


def torch_module(case: Case, device: str) -> Any:
    """Return the batch-first torch.nn module of a case."""
    options: dict[str, Any] = {"proj_size": case.proj_size} if case.proj_size else {}
    return getattr(torch.nn, case.kind)(
        case.features,
        case.units,
        case.num_layers,
        batch_first=True,
        bidirectional=case.bidirectional,
        device=device,
        **options,
    )


def torch_nn(case: Case, module: Any, device: str) -> TorchContestant:
    """Enter a module of torch.nn; it takes padded rows as packed sequences."""
    inputs = torch.tensor(case.inputs(), device=device)
    lengths = case.lengths()

    def plain() -> torch.Tensor:
        return module(inputs)[0]

    def packed() -> torch.Tensor:
        rows = pack_padded_sequence(
            inputs, torch.as_tensor(lengths), batch_first=True, enforce_sorted=False
        )
        return pad_packed_sequence(module(rows)[0], batch_first=True, total_length=case.time)[0]

    forward = plain if lengths is None else packed
    return TorchContestant("torch.nn", forward, list(module.parameters()), case.gradient(), device)


def keras_on_torch(name: str, layer: Any, case: Case, device: str) -> TorchContestant:
    """Enter a built Keras layer, called eagerly."""
    inputs = torch.tensor(case.inputs(), device=device)
    mask = case.mask()
    options = {} if mask is None else {"mask": torch.tensor(mask, device=device)}
    weights = [variable.value for variable in layer.trainable_variables]
    return TorchContestant(name, lambda: layer(inputs, **options), weights, case.gradient(), device)


def set_threads(threads: int) -> None:
    """Fix how many threads torch uses within an operation."""
    torch.set_num_threads(threads)
