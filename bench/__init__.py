"""Metrics of dockwright on this machine; each in docs/benchmarks.md is printed by one of these."""
