"""Downloads build inputs: wheels, Debian packages, the bootstrap base."""
