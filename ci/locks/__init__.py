"""Resolving: Python deltas, Debian closures, base digests."""
