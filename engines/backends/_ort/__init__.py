"""Sessions of ONNX Runtime, shared by its back ends."""
