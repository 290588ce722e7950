"""Comparisons between rows: pairs, fusion modes, accuracy against latency, builds."""
