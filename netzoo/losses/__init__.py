"""Losses, one per file, each with a tuple ``LOSSES``."""
