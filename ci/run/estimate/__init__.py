"""Estimates disk space and time before a run, and watches the disk during it."""
