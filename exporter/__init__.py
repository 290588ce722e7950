"""sizewise room: PyTorch → ONNX, and one ONNX → ONNX pass per precision."""
