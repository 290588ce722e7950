"""sizewise room: measuring."""
