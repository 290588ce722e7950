"""What in a user's module fixes a size, where, and what to write instead."""
