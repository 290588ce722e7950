"""How the rows were measured, in paragraphs with the numbers of the records."""
