"""What the layers of a converted file cost and gain, as ``sizewise explain`` finds it."""
