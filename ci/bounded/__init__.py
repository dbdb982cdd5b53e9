"""Outside data read within bounds: a file by its kind and size, JSON and TOML by their depth and numbers."""
