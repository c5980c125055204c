"""Who calls, and what they may do."""

from enum import StrEnum

import msgspec

from taskmanager.domain.values import UserEmail


class Permission(StrEnum):
    """What a route asks of its caller."""

    READ = "read"
    """Look at tasks and their history."""
    WRITE = "write"
    """Create tasks, cancel, retry and delete them."""
    REPORT = "report"
    """Say what became of a task, as workers do."""
    OBSERVE = "observe"
    """Look at the figures and the health of the service itself, which tell of everybody's tasks."""
    OPERATE = "operate"
    """Deal with dead letters, which hold everybody's messages."""


class Role(StrEnum):
    """What a caller is."""

    READER = "reader"
    WORKER = "worker"
    WRITER = "writer"
    ADMIN = "admin"


_GRANTED: dict[Role, frozenset[Permission]] = {
    Role.READER: frozenset({Permission.READ, Permission.OBSERVE}),
    Role.WORKER: frozenset({Permission.READ, Permission.REPORT, Permission.OBSERVE}),
    Role.WRITER: frozenset({Permission.READ, Permission.WRITE, Permission.REPORT, Permission.OBSERVE}),
    Role.ADMIN: frozenset(Permission),
}
# What concerns everybody's tasks is not for those who may see one user's alone.
_UNBOUND_ONLY = frozenset({Permission.OBSERVE, Permission.OPERATE})


class Principal(msgspec.Struct, frozen=True):
    """An authenticated caller; `id` is the actor that events and the audit log name.

    With a `user_email` it is bound: it sees and changes that user's tasks alone.
    """

    id: str
    role: Role
    user_email: UserEmail | None = None
    name: str | None = None

    def allows(self, permission: Permission) -> bool:
        """Whether it may use a route that asks for this permission."""
        if self.user_email is not None and permission in _UNBOUND_ONLY:
            return False
        return permission in _GRANTED[self.role]


ANONYMOUS = Principal("anonymous", Role.ADMIN)
"""Whoever reaches a service that asks nobody for a name."""


def roles_allowing(permission: Permission) -> list[Role]:
    """The roles that a refused caller would need one of."""
    return [role for role, granted in _GRANTED.items() if permission in granted]
