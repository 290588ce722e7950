"""What the harness's own numbers are worth on this machine."""
