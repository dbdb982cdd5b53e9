"""Graph, keys, decision per image, explain (pure)."""
