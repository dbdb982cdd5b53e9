"""What a killed run leaves behind, and its removal."""
