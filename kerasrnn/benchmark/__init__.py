"""Time the layers beside torch.nn, keras.layers and flax.nnx."""
