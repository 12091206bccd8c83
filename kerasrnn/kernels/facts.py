"""What the running backend knows about a call before it runs."""

import keras

if keras.backend.backend() == "torch":
    from kerasrnn.kernels.torch_facts import device_of, is_compiling, records_gradients, switches
elif keras.backend.backend() == "jax":
    from kerasrnn.kernels.jax_facts import device_of
    from kerasrnn.kernels.other_facts import is_compiling, records_gradients, switches
else:
    from kerasrnn.kernels.other_facts import device_of, is_compiling, records_gradients, switches

__all__ = ["device_of", "is_compiling", "records_gradients", "switches"]
