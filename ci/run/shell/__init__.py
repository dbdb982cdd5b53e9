"""Finds where a shell in an image opens."""
