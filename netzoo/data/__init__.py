"""Data sets and pictures, read without torch."""
