"""Tasks: how outputs are read, evaluated and drawn, without torch."""
