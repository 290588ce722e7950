"""sizewise room: ONNX → something that runs."""
