"""The loop of a training: its steps, where, in which arithmetic, and by how many processes."""
