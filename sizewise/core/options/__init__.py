"""Options as values: fields of frozen dataclasses, and how their text is read."""
