"""Picture files: found, decoded and read."""
