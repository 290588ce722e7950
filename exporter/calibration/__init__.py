"""What values pass through a graph when real pictures do, and how far a quantiser should reach."""
