"""One file per target of a package."""
