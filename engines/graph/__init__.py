"""What the back ends need to know of an ONNX graph."""
