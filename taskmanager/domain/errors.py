"""Why the domain says no."""

from enum import StrEnum


class DomainError(Exception):
    """Any refusal by the domain; its text is safe to show to the sender."""


class InvalidValue(DomainError):  # noqa: N818 - reads as the sentence it stands in
    """A value object refused a value; `field` is the contract's name of it. Never holds the value itself."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class RefusalReason(StrEnum):
    """Why the state machine keeps a well-formed command from having an effect."""

    INVALID_TRANSITION = "invalid_transition"
    CONFLICTING_REQUEST = "conflicting_request"
    CONFLICTING_REPORT = "conflicting_report"
    STALE_ATTEMPT = "stale_attempt"
    UNKNOWN_ATTEMPT = "unknown_attempt"
    TASK_DELETED = "task_deleted"


class Refused(DomainError):  # noqa: N818
    """A command that is well-formed but not allowed in the task's present state."""

    def __init__(self, reason: RefusalReason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail
