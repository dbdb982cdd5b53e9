"""Buildah, Docker and Podman: commands and the one runner."""
