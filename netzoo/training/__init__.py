"""Training: settings, data batches, optimizer, loop."""
