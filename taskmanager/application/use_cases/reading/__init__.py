"""Looking at tasks: one by one, in lists, in their history, and in figures."""
