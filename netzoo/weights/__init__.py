"""Weights on disk: checkpoints, Darknet's files, published backbones."""
