"""A plan from what was measured: read, decided, built and measured together."""
