"""/api/tasks/bulk and /api/operations"""

from aiohttp import hdrs, web

from taskmanager.api.rest.answers import answer
from taskmanager.api.rest.bulk_bodies import (
    BulkOrder,
    OperationsPage,
    OperationsQuery,
    operation_view,
    preview_view,
)
from taskmanager.api.rest.bulk_orders import order_of
from taskmanager.api.rest.call import Call
from taskmanager.api.rest.problems import Problem
from taskmanager.api.rest.strict_json import check_strictly
from taskmanager.api.rest.write_headers import claim_of
from taskmanager.application.bulk_model import Operation, OperationState
from taskmanager.application.use_cases.bulk.follow_operations import FollowOperations
from taskmanager.application.use_cases.bulk.preview_operation import PreviewOperation
from taskmanager.application.use_cases.bulk.start_operation import StartOperation
from taskmanager.application.use_cases.writing.unit import KeyReused, Overloaded

# A thousand ids, and labels as long as they may be.
BODY_LIMIT = 256 * 1024
_RETRY_LATER: dict[str, str] = {hdrs.RETRY_AFTER: "5"}


class BulkController:
    """Begins operations on many tasks, shows them, and calls them off."""

    def __init__(self, start: StartOperation, preview: PreviewOperation, follow: FollowOperations) -> None:
        self._start = start
        self._preview = preview
        self._follow = follow

    async def begin(self, call: Call[None, BulkOrder]) -> web.Response:
        """Cancel, retry or delete many tasks. The state machine decides on each as it would on a single one.

        Answered with 202 and an operation to follow at `Location`: it goes through the tasks that were there when it
        was asked for, from the oldest on, and takes each of them once, whatever process dies meanwhile. With `dryRun`
        it is answered with 200 and how many tasks that would concern now. With an Idempotency-Key a repetition begins
        nothing new.
        """
        check_strictly(call.raw)
        order = order_of(call.body, call.request, call.principal)
        claim = claim_of(call.request, call.principal, call.raw)
        if call.body.dry_run:
            return answer(preview_view(await self._preview(order)))
        try:
            operation = await self._start(order, claim)
        except KeyReused as error:
            raise Problem(422, str(error)) from None
        except Overloaded as error:
            raise Problem(429, str(error), headers=_RETRY_LATER) from None
        return answer(operation_view(operation), 202, {hdrs.LOCATION: f"/api/operations/{operation.id}"})

    async def list(self, call: Call[OperationsQuery, None]) -> web.Response:
        """Operations, the newest first. Callers who are bound to one user see that user's."""
        query = call.query
        found = await self._follow.page(call.principal.user_email, query.before, query.limit)
        following = found[-1].id if len(found) == query.limit else None
        return answer(OperationsPage(items=[operation_view(each) for each in found], next=following))

    async def get(self, call: Call[None, None]) -> web.Response:
        """An operation as it stands."""
        return _shown(await self._follow.find(call.path("id"), call.principal.user_email))

    async def cancel(self, call: Call[None, None]) -> web.Response:
        """Let an operation go no further; what it has changed stays so. Again, it changes nothing."""
        operation = await self._follow.cancel(call.path("id"), call.principal.user_email)
        if operation is not None and operation.state is not OperationState.CANCELLED:
            raise Problem(409, f"the operation is over: it has {operation.state.value}")
        return _shown(operation)


def _shown(operation: Operation | None) -> web.Response:
    if operation is None:
        raise Problem(404, "there is no operation with this id")
    return answer(operation_view(operation))
