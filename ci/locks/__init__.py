"""Resolves Python and Debian packages, and digests of external base images."""
