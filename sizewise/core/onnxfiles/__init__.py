"""ONNX files and their weights: the one place through which all rooms read and write them."""
