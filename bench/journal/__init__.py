"""The results file: one SQLite journal of raw samples."""
