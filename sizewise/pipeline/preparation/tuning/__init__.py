"""A search for the settings of a training: what is searched, its trials on file, their table."""
