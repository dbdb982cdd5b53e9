"""Building again and comparing."""
