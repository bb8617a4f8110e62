"""Everything that is PocketBase: its API, its database file, its realtime, its binary."""
