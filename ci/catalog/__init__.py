"""Reads the files of a stack and checks them; the result is frozen values. Pure but for reading files."""
