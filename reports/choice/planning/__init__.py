"""Which engines to keep loaded for the sizes that come."""
