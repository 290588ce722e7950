"""sizewise room: the networks and what belongs to them."""
