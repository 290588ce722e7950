"""TensorRT and TensorRT for RTX, one implementation: what both share, by what the module has."""
