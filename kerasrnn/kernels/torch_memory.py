"""Memory that is used again.

On a CPU the first touch of fresh memory can cost more than the work done in it, so what a
pass has finished with is kept for the next one of the same shapes, up to a limit.
"""

from collections import OrderedDict
from threading import Lock

import torch
from torch import Tensor

LIMIT = 256 << 20  # bytes

_Key = tuple[torch.Size, torch.dtype]
_free: OrderedDict[_Key, list[Tensor]] = OrderedDict()
_lock = Lock()


def take(like: Tensor, *shape: int) -> Tensor:
    """Return memory with any content, of the type and on the device of a tensor."""
    if reusable(like):
        with _lock:
            if free := _free.get((torch.Size(shape), like.dtype)):
                return free.pop()
    return like.new_empty(shape)


def give(*tensors: Tensor) -> None:
    """Let memory be used again; nothing else may hold it any more."""
    with _lock:
        for tensor in filter(reusable, tensors):
            key = (tensor.shape, tensor.dtype)
            _free.setdefault(key, []).append(tensor)
            _free.move_to_end(key)
        while held() > LIMIT:
            _free.popitem(last=False)


def reusable(tensor: Tensor) -> bool:
    """Say whether a tensor is memory of a CPU; elsewhere torch itself uses memory again."""
    return type(tensor) is Tensor and tensor.device.type == "cpu"


def held() -> int:
    """Return how many bytes wait to be used again."""
    return sum(tensor.nbytes for free in _free.values() for tensor in free)


def clear() -> None:
    """Free them all."""
    _free.clear()
