"""The sizes that come, from where they are."""
