"""One task per file, each with a tuple ``TASKS``."""
