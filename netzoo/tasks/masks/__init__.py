"""Masks: read from outputs, scored and shown, of one class or of many."""
