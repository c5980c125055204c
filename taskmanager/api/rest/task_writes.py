"""/api/tasks: what changes one of them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from aiohttp import web

from taskmanager.api.rest.call import Call
from taskmanager.api.rest.strict_json import check_large_strictly, check_new_task
from taskmanager.api.rest.submitting import Submitting
from taskmanager.api.rest.task_bodies import NewTask, StatusReport
from taskmanager.api.rest.task_commands import Rules, create_command, report_command
from taskmanager.api.rest.write_answers import changed, created, deleted
from taskmanager.api.rest.write_headers import cause_of, claim_of, versions_of
from taskmanager.application.commands import DeleteTask, ReportStatus, RetryTask
from taskmanager.application.intents import Intent
from taskmanager.application.use_cases.writing.unit import Unit
from taskmanager.domain.status import TaskStatus

# A text of a result may be several times as long in JSON: Python's encoder, for one, writes 6 characters for 2 bytes.
_ESCAPED = 3
_ROOM = 64 * 1024


class TaskWriteController:
    """Creates and changes single tasks; whoever waits is answered once the change is durable."""

    def __init__(self, submitting: Submitting, rules: Rules, now: Callable[[], datetime]) -> None:
        self._submitting = submitting
        self._rules = rules
        self._now = now
        self.report_limit = rules.result_max_bytes * _ESCAPED + _ROOM

    async def create(self, call: Call[None, NewTask]) -> web.Response:
        """Create a task. It is answered with its version as ETag; with an Idempotency-Key a repetition takes effect
        once. `userEmail` may be left out by callers who are bound to one user."""
        request, body, raw = call.request, call.body, call.raw
        check_new_task(raw, body)
        cause = cause_of(request, call.principal, body.correlation_id)
        command = create_command(body, call.principal, cause, self._rules, self._now())
        claim = claim_of(request, call.principal, raw)
        return await self._submitting(Unit((Intent(command),), created, len(raw), claim))

    async def report(self, call: Call[None, StatusReport]) -> web.Response:
        """Say what became of a task. The state machine may refuse that (409), and then it is kept on the task's audit
        trail; the same report again changes nothing and is answered with the task as it is."""
        cause = cause_of(call.request, call.principal, call.body.correlation_id)
        # First, because it refuses what is too large, which is dear to look through.
        command = report_command(call.path("id"), call.body, cause, self._rules, self._now())
        await check_large_strictly(call.raw)
        return await self._change(call, command)

    async def cancel(self, call: Call[None, None]) -> web.Response:
        """Cancel a task that is not settled. Again, it changes nothing and is answered with the task as it is."""
        cause = cause_of(call.request, call.principal, None)
        command = ReportStatus(
            id=call.path("id"), status=TaskStatus.CANCELLED, at=self._now(), source=None, **cause._asdict()
        )
        return await self._change(call, command)

    async def retry(self, call: Call[None, None]) -> web.Response:
        """Begin another attempt at a failed or cancelled task."""
        cause = cause_of(call.request, call.principal, None)
        return await self._change(call, RetryTask(call.path("id"), self._now(), **cause._asdict()))

    async def delete(self, call: Call[None, None]) -> web.Response:
        """Delete a settled task. Nobody sees it any more; its events stay."""
        cause = cause_of(call.request, call.principal, None)
        command = DeleteTask(call.path("id"), self._now(), **cause._asdict())
        intent = Intent(command, call.principal.user_email, versions_of(call.request))
        return await self._submitting(Unit((intent,), deleted(call.request)))

    async def _change(self, call: Call[None, Any], command: ReportStatus | RetryTask) -> web.Response:
        request, principal = call.request, call.principal
        claim = claim_of(request, principal, call.raw)
        intent = Intent(command, principal.user_email, versions_of(request))
        return await self._submitting(Unit((intent,), changed(request), len(call.raw), claim))
