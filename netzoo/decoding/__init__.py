"""Raw numbers of heads become boxes, and class numbers become scores."""
