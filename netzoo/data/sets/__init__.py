"""Data sets known by name: one file each, with a tuple ``DATASETS``."""
