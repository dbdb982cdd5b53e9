"""A shell in an image."""
