"""PostgreSQL and Apache Kafka for development, tests and the demo, without Docker; never imported by the service."""

from taskmanager.devstack.errors import StackError
from taskmanager.devstack.info import StackInfo
from taskmanager.devstack.paths import default_root
from taskmanager.devstack.stack import current, down, ensure_up, reset, status

__all__ = ["StackError", "StackInfo", "current", "default_root", "down", "ensure_up", "reset", "status"]
