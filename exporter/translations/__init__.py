"""Operators that torch's exporter does not translate right for free sizes."""
