"""Choosing and removing what is no longer needed, here and in a registry."""
