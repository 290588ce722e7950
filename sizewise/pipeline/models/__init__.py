"""Models as users name them: by a network, a checkpoint, a module, an ONNX file or an engine."""
