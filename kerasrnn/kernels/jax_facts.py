"""What JAX knows about a call before it runs."""

import jax


def device_of(tensor: jax.Array) -> str:
    """Return `"cpu"`, `"gpu"` or `"tpu"`; while JAX traces, where it puts new arrays."""
    if isinstance(tensor, jax.core.Tracer):
        chosen = jax.config.jax_default_device
        return getattr(chosen, "platform", chosen) or jax.default_backend()
    (kind,) = {device.platform for device in tensor.devices()}
    return kind
