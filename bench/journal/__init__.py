"""The results file: one SQLite journal with raw samples."""
