"""Makes the Python environment, and installs Debian packages that are missing."""
