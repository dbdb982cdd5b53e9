"""Measures images."""
