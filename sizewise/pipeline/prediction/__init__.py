"""Pictures through an engine: which, how its outputs are read, where drawings go."""
