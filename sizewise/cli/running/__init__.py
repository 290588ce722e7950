"""Commands that run engines on pictures."""
