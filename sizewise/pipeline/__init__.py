"""The work of the commands, on values, with a Reporter for progress and remarks; no terminal."""
