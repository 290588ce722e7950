"""Ranked outputs, such as the best rows of a TopK: compared where equal scores change places."""
