"""What is taken for granted about a call where the backend does not tell."""

from typing import Any


def device_of(tensor: Any) -> str:
    """Return the only kind of device on which other backends than torch and JAX are asked."""
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
