"""One family of networks per file, each with a tuple ``NETWORKS``."""
