"""The REST interface beside the same two routes on other stacks."""
