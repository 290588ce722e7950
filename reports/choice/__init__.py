"""Which engine to ship under a budget of latency, memory and accuracy."""
