"""TensorRT and TensorRT for RTX: one implementation, by what the module at hand offers."""
