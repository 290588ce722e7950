"""One back end per file, each with a tuple ``BACKENDS``."""
