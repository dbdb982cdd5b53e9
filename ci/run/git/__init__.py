"""What git knows of the checkout."""
