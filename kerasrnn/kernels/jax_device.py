"""Where a JAX array lives."""

import jax


def device_of(array: jax.Array) -> str:
    """Return `"cpu"`, `"gpu"` or `"tpu"`; while JAX traces, where it puts new arrays."""
    if isinstance(array, jax.core.Tracer):
        chosen = jax.config.jax_default_device
        return getattr(chosen, "platform", chosen) or jax.default_backend()
    (kind,) = {device.platform for device in array.devices()}
    return kind
