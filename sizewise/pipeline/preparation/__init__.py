"""What comes before a training: networks, data and anchors."""
