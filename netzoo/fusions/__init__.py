"""One way to merge scales per file, each with a tuple ``FUSIONS``."""
