"""Pure: what an event, a row, a chain and a rule are. No network, no file, no clock."""
