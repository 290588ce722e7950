"""Two selections of engines beside each other: what became faster, slower, or less accurate."""
