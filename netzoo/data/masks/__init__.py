"""Data sets of pictures with masks."""
