"""What was measured, read: reports, decisions, comparisons, published tables."""
