"""The set of engines for the sizes that come."""
