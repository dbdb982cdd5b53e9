"""Metrics of images against limits and a baseline. Pure."""
