"""What the running backend knows about a call before it runs."""

from typing import Any

import keras

if keras.backend.backend() == "torch":
    from kerasrnn.kernels.torch_facts import device_of, is_compiling, records_gradients, switches
elif keras.backend.backend() == "jax":
    from kerasrnn.kernels.jax_facts import device_of, is_compiling, records_gradients, switches
else:

    def device_of(tensor: Any) -> str:
        """Return the only kind of device on which the reference is asked about."""
        return "cpu"

    def records_gradients() -> bool:
        """Say whether gradients may be asked for."""
        return True

    def is_compiling() -> bool:
        """Say whether torch's compiler traces the call."""
        return False

    def switches() -> tuple[bool, ...]:
        """Return the global settings on which a choice depends."""
        return ()


__all__ = ["device_of", "is_compiling", "records_gradients", "switches"]
