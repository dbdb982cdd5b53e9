"""The opened stack, its state directory and its locks."""
