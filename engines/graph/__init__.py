"""An ONNX graph, as far as the back ends need to know it."""
