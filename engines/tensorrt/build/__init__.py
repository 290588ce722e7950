"""From an ONNX file to a TensorRT plan."""
