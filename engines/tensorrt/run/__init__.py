"""A TensorRT plan as a session."""
