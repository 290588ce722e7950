"""One backbone per file."""
