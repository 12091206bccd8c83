"""What torch knows about a call before it runs."""

import torch


def device_of(tensor: torch.Tensor) -> str:
    """Return `"cpu"`, `"gpu"`, or torch's own word for another kind."""
    kind = tensor.device.type
    return "gpu" if kind == "cuda" else kind


def records_gradients() -> bool:
    """Say whether gradients may be asked for."""
    return torch.is_grad_enabled()


def is_compiling() -> bool:
    """Say whether `torch.compile` or `torch.export` traces the call."""
    return torch.compiler.is_compiling()


def switches() -> tuple[bool, ...]:
    """Return the global settings on which a choice depends."""
    return (torch.backends.cudnn.enabled,)
