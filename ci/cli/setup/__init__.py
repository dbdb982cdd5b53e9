"""What runs before Python's packages are there, and what is installed on request."""
