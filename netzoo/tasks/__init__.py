"""What an output means, without torch."""
