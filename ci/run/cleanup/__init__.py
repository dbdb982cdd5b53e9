"""Removes what stale runs left behind."""
