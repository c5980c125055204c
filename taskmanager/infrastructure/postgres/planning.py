"""What the planner is told before a statement."""

from taskmanager.infrastructure.postgres.statements import load_statements


def by_index(statement: str) -> str:
    """The statement, planned to take every order from an index; as a transaction of its own, which a pool makes it."""
    return f"{load_statements('planning')['by_index']};\n{statement}"
