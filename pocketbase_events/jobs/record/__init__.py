"""Recording: the worker, and what it is made of."""
