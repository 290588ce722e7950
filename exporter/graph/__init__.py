"""Passes over ONNX graphs and what they share."""
