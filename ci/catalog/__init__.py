"""Docker/** read, checked and typed."""
