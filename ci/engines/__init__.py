"""The `Engine` protocol, the choice of an engine, Docker and Podman, and the sandbox of checks."""
