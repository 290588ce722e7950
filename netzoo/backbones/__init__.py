"""Backbones, one per file, each with a tuple ``BACKBONES``."""
