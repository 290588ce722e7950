"""Plans as packages for servers: what goes into them, and one file per target."""
