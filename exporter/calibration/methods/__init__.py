"""One way to choose a threshold per file, each with a tuple ``METHODS``."""
