"""Pictures as arrays: those of users, and made-up ones to compare engines on."""
