"""Rows of a report, made from results."""
