"""What a training leaves to look at: curves, first batches, and TensorBoard's files."""
