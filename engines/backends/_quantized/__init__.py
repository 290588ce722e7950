"""Changes that a quantized graph needs before a CPU runs it right and fast."""
