"""Builds again and compares."""
