"""Recipes as Dockerfile text or as Dagger calls."""
