"""The sizes of the pictures that come, and the order in which they come."""
