"""Decorators that try again, around ports and use cases; the decorated code knows nothing of them."""
