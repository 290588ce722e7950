"""What a sweep measures, in which order, and about how long that takes."""
