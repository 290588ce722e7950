"""The page of a plan: which engines to load, why, and what is not known."""
