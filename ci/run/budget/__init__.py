"""Measuring images."""
