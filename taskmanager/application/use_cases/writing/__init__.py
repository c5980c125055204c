"""Changes that callers wait for: many of them share a transaction, each gets its own answer."""
