"""The frozen step types, and the recipe that returns them."""
