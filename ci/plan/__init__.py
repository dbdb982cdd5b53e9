"""Recipes, keys, the plan, explanations and drawings. Pure."""
