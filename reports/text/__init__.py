"""Numbers, words and Markdown as a report writes them."""
