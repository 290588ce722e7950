"""Scores of classes for a whole picture."""
