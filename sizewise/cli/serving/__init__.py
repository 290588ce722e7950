"""The commands about the set of engines for the sizes that come."""
