"""Data sets, without torch."""
