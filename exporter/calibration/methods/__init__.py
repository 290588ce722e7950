"""Calibration methods, one per file, each with a tuple ``METHODS``."""
