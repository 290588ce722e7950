"""Checks of exported graphs: probes, parity, error of a precision."""
