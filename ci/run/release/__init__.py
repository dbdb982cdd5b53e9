"""Publishing, promoting and rolling back releases."""
