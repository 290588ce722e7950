"""Calibration: value ranges observed on real pictures, and thresholds chosen from them."""
