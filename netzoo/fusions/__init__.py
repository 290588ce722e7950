"""Fusions of scales, one per file, each with a tuple ``FUSIONS``."""
