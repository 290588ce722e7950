"""The user's own modules: imported, run to see what they take, and their outputs understood."""
