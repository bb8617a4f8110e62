"""A model of log and rows, and everything that may be done to them."""
