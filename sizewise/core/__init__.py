"""The ground floor: values, errors, files, statistics. Standard library and NumPy alone."""
