"""Releases: what is pushed, in which order, and how it is verified."""
