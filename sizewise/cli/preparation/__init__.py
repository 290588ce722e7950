"""Commands before a training: networks, data and anchors."""
