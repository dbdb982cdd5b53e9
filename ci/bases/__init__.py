"""The bootstrap base, made from Debian packages."""
