"""Build inputs: wheels, Debian packages, the bootstrap base."""
