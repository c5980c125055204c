"""What can go wrong with the embedded stack."""


class StackError(Exception):
    """The stack cannot do what was asked; the message names the mistake and the remedy."""
