"""sizewise room: reading the records."""
