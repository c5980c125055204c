"""Makes orders of request bodies, by the rules that hold for single tasks, too."""

from datetime import datetime

from aiohttp import web
from msgspec import UNSET, UnsetType

from taskmanager.api.rest.bodies import invalid
from taskmanager.api.rest.bulk_bodies import BulkFilter, BulkOrder
from taskmanager.api.rest.hosts import normal_host
from taskmanager.api.rest.moments import in_utc
from taskmanager.api.rest.problems import FieldError
from taskmanager.api.rest.write_headers import cause_of
from taskmanager.application.bulk_model import Order, Selection
from taskmanager.application.principal import Principal
from taskmanager.domain.values import TaskId, UserEmail, task_metadata


def order_of(body: BulkOrder, request: web.BaseRequest, principal: Principal) -> Order:
    """What is asked for; raises `InvalidValue`, or a `Problem` (400) where nothing says which tasks are meant."""
    chosen = body.filter
    if chosen == BulkFilter() or chosen.all is False:
        problem = 'says nothing of which tasks are meant; to mean every task, send "filter": {"all": true}'
        raise invalid(FieldError("filter", problem))
    return Order(
        action=body.action,
        selection=_selection(chosen),
        owner=principal.user_email,
        **cause_of(request, principal, None)._asdict(),
    )


def _selection(chosen: BulkFilter) -> Selection:
    return Selection(
        status=tuple(dict.fromkeys(status.value for status in chosen.status or ())),
        user_email=UserEmail(chosen.user_email) if chosen.user_email is not UNSET else None,
        host=normal_host(chosen.host) if chosen.host is not UNSET else None,
        created_after=_moment("createdAfter", chosen.created_after),
        created_before=_moment("createdBefore", chosen.created_before),
        metadata=task_metadata(chosen.metadata) if chosen.metadata is not UNSET else {},
        ids=tuple(dict.fromkeys(TaskId(task_id) for task_id in chosen.ids or ())),
    )


def _moment(name: str, moment: datetime | UnsetType) -> datetime | None:
    return None if moment is UNSET else in_utc(name, moment)
