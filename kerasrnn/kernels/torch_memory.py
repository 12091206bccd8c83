"""Memory that is used again.

On a CPU the first touch of fresh memory can cost more than the work done in it, so what a
pass has finished with is kept for the next one of the same shapes, up to a limit.
"""

import os
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import torch
from torch import Tensor

LIMIT = 256 << 20  # bytes

_Key = tuple[torch.Size, torch.dtype]


@dataclass
class Free:
    """What waits to be used again, that given last at the end."""

    tensors: OrderedDict[_Key, list[Tensor]] = field(default_factory=OrderedDict)
    bytes: int = 0
    lock: Any = field(default_factory=Lock)


_free = Free()


def take(like: Tensor, *shape: int) -> Tensor:
    """Return memory with any content, of the type and on the device of a tensor."""
    if reusable(like) and not torch.is_inference_mode_enabled():
        with _free.lock:
            found = _free.tensors.get((torch.Size(shape), like.dtype))
            if found:
                _free.bytes -= found[-1].nbytes
                return found.pop()
    return like.new_empty(shape)


def give(*tensors: Tensor) -> None:
    """Let memory be used again; nothing else may hold it any more."""
    with _free.lock:
        for tensor in filter(reusable, tensors):
            key = (tensor.shape, tensor.dtype)
            _free.tensors.setdefault(key, []).append(tensor)
            _free.tensors.move_to_end(key)
            _free.bytes += tensor.nbytes
        while _free.bytes > LIMIT:
            _, dropped = _free.tensors.popitem(last=False)
            _free.bytes -= sum(tensor.nbytes for tensor in dropped)


def reusable(tensor: Tensor) -> bool:
    """Say whether a tensor is memory of a CPU; elsewhere torch itself uses memory again."""
    # A tensor made in inference mode cannot be written to outside of it.
    return type(tensor) is Tensor and tensor.device.type == "cpu" and not tensor.is_inference()


def held() -> int:
    """Return how many bytes wait to be used again."""
    return _free.bytes


def clear() -> None:
    """Free them all."""
    with _free.lock:
        _free.tensors.clear()
        _free.bytes = 0


def renew() -> None:
    """Start anew in a process that was forked, maybe while the lock was held."""
    global _free
    _free = Free()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=renew)
