"""Tables of the report, as Markdown."""
