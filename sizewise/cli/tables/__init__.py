"""Tables and reasons that several commands print."""
