"""One ONNX → ONNX pass per file, each with a tuple ``PRECISIONS``."""
