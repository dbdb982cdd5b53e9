"""The kinds of step, as frozen values. Pure."""
