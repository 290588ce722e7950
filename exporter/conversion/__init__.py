"""The steps of a conversion to another precision."""
