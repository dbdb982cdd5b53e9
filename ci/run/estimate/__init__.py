"""Bytes and time of a run before it starts, and the disk while it goes on."""
