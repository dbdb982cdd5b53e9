"""Chooses and deletes what is no longer needed, on this machine and in a registry."""
