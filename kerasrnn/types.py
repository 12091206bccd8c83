"""Names for what Keras leaves untyped."""

from typing import Any, TypeAlias

# A tensor of the running backend, a KerasTensor, or whatever Keras converts to one.
Tensor: TypeAlias = Any
Shape: TypeAlias = tuple[int | None, ...]
# A Keras identifier: a name, a configuration, an object or None.
Initializer: TypeAlias = Any
Regularizer: TypeAlias = Any
Constraint: TypeAlias = Any
