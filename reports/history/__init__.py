"""Many results files over time: series of engines, and where they changed."""
