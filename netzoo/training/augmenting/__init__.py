"""Changes of training images, with which boxes and masks move."""
