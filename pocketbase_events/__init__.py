"""A trustworthy history for PocketBase: a hash-chained event log, and rows projected from it."""
