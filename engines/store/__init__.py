"""Engines on disk: built once, signed, verified, opened."""
