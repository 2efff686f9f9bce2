"""What documents mean: the terminology catalogue, and what uses it."""
