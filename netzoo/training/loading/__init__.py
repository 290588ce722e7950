"""Batches of a training: what each step sees, made in this process or by workers."""
