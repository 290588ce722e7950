"""Data sets whose boxes lie in a file for each picture."""
