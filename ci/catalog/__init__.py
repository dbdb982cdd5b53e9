"""Reads the files of a stack and checks them; the result is frozen values."""
