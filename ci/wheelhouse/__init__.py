"""Everything from outside, fetched by hash: wheels and debs."""
