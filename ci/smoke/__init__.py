"""The checks of an image, and their results."""
