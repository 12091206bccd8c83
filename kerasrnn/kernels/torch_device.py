"""Where a torch tensor lives."""

import torch


def device_of(tensor: torch.Tensor) -> str:
    """Return `"cpu"`, `"gpu"`, or torch's own word for another kind."""
    kind = tensor.device.type
    return "gpu" if kind == "cuda" else kind
