"""The one table of all routes; OpenAPI is generated from it."""

from typing import NamedTuple

from taskmanager.api.health.controller import HealthController
from taskmanager.api.rest.bulk import BODY_LIMIT as BULK_LIMIT
from taskmanager.api.rest.bulk import BulkController
from taskmanager.api.rest.bulk_bodies import BulkOrder, BulkPreview, OperationsPage, OperationsQuery, OperationView
from taskmanager.api.rest.dead_letter_bodies import (
    CountQuery,
    DiscardQuery,
    LetterId,
    LettersQuery,
    ReplayManyOrder,
    ReplayOrder,
)
from taskmanager.api.rest.dead_letter_views import (
    LetterCounts,
    LetterDetailsView,
    LettersPage,
    ReplayedPageView,
    ReplayView,
)
from taskmanager.api.rest.dead_letters import BODY_LIMIT as LETTER_LIMIT
from taskmanager.api.rest.dead_letters import DeadLetterController
from taskmanager.api.rest.events import LAST_EVENT_ID, EventController, EventsPage, EventsQuery
from taskmanager.api.rest.metrics import HoursQuery, MetricsController
from taskmanager.api.rest.openapi.controller import DocumentationController
from taskmanager.api.rest.route import Route
from taskmanager.api.rest.statistics import StatisticsController
from taskmanager.api.rest.task_batches import BODY_LIMIT as BATCH_LIMIT
from taskmanager.api.rest.task_batches import TaskBatchController
from taskmanager.api.rest.task_bodies import BatchAnswer, BatchQuery, NewTask, NewTasks, StatusReport
from taskmanager.api.rest.task_history import TaskHistoryController, TrailAnswer, TrailQuery
from taskmanager.api.rest.task_lists import TaskListController
from taskmanager.api.rest.task_queries import TaskPageAnswer, TasksQuery, UserTasksQuery
from taskmanager.api.rest.task_writes import TaskWriteController
from taskmanager.api.rest.tasks import TaskController, TaskQuery
from taskmanager.api.rest.write_headers import CHANGE_HEADERS, CREATE_HEADERS, DELETE_HEADERS
from taskmanager.application.principal import Permission
from taskmanager.application.read_model import TaskView
from taskmanager.application.statistics import TaskStatistics

_PROMETHEUS = "text/plain"
_TASK = {"userEmail": "ann@example.com", "userQuery": "opening hours", "originalUrl": "https://example.com/contact"}


class Controllers(NamedTuple):
    """Who answers."""

    tasks: TaskController
    task_lists: TaskListController
    task_history: TaskHistoryController
    statistics: StatisticsController
    task_writes: TaskWriteController
    task_batches: TaskBatchController
    bulk: BulkController
    dead_letters: DeadLetterController
    events: EventController
    metrics: MetricsController
    health: HealthController
    documentation: DocumentationController


def routes(by: Controllers) -> list[Route]:
    """Every path that is answered, by whom and for whom."""
    read, write, report, observe = Permission.READ, Permission.WRITE, Permission.REPORT, Permission.OBSERVE
    writes = by.task_writes
    tasks, metrics, health, documentation = by.tasks, by.metrics, by.health, by.documentation
    bulk, letters, operate = by.bulk, by.dead_letters, Permission.OPERATE
    return [
        Route(
            "GET", "/api/tasks", "listTasks", by.task_lists.list, read, "tasks", query=TasksQuery,
            answers={200: TaskPageAnswer}, errors=(422,),
        ),
        Route(
            "GET", "/api/tasks/statistics", "getStatistics", by.statistics.all, read, "tasks", query=HoursQuery,
            answers={200: TaskStatistics},
        ),
        Route(
            "GET", "/api/tasks/{id}", "getTask", tasks.get, read, "tasks", query=TaskQuery,
            answers={200: TaskView}, errors=(404, 422),
        ),
        Route(
            "GET", "/api/tasks/{id}/events", "getTaskHistory", by.task_history.trail, read, "tasks", query=TrailQuery,
            answers={200: TrailAnswer}, errors=(404, 422),
        ),
        Route(
            "GET", "/api/users/{email}/tasks", "listTasksOfUser", by.task_lists.of_user, read, "tasks",
            query=UserTasksQuery, path_types={"email": str}, answers={200: TaskPageAnswer}, errors=(404, 422),
        ),
        Route(
            "GET", "/api/users/{email}/statistics", "getStatisticsOfUser", by.statistics.of_user, read, "tasks",
            query=HoursQuery, path_types={"email": str}, answers={200: TaskStatistics}, errors=(404, 422),
        ),

        Route(
            "POST", "/api/tasks", "createTask", writes.create, write, "tasks", body=NewTask, example=_TASK,
            answers={201: TaskView}, errors=(403, 422), headers=CREATE_HEADERS,
        ),
        Route(
            "POST", "/api/tasks/batch", "createTasks", by.task_batches.create, write, "tasks",
            query=BatchQuery, body=NewTasks, body_limit=BATCH_LIMIT, example={"tasks": [_TASK]},
            answers={200: BatchAnswer, 201: BatchAnswer}, errors=(422,), headers=CREATE_HEADERS,
        ),
        Route(
            "PUT", "/api/tasks/{id}/status", "reportTaskStatus", writes.report, report, "tasks",
            body=StatusReport, body_limit=writes.report_limit, example={"status": "started", "worker": "worker-7"},
            answers={200: TaskView}, errors=(404, 409, 412, 422), headers=CHANGE_HEADERS,
        ),
        Route(
            "POST", "/api/tasks/{id}/cancel", "cancelTask", writes.cancel, write, "tasks",
            answers={200: TaskView}, errors=(404, 409, 412, 422), headers=CHANGE_HEADERS,
        ),
        Route(
            "POST", "/api/tasks/{id}/retry", "retryTask", writes.retry, write, "tasks",
            answers={200: TaskView}, errors=(404, 409, 412, 422), headers=CHANGE_HEADERS,
        ),
        Route(
            "DELETE", "/api/tasks/{id}", "deleteTask", writes.delete, write, "tasks",
            answers={204: None}, errors=(404, 409, 412, 422), headers=DELETE_HEADERS,
        ),

        Route(
            "POST", "/api/tasks/bulk", "changeTasks", bulk.begin, write, "operations",
            body=BulkOrder, body_limit=BULK_LIMIT,
            example={"action": "retry", "filter": {"status": ["error"], "host": "example.com"}, "dryRun": True},
            answers={200: BulkPreview, 202: OperationView}, errors=(422,), headers=CREATE_HEADERS,
        ),
        Route(
            "GET", "/api/operations", "listOperations", bulk.list, read, "operations", query=OperationsQuery,
            answers={200: OperationsPage},
        ),
        Route(
            "GET", "/api/operations/{id}", "getOperation", bulk.get, read, "operations",
            answers={200: OperationView}, errors=(404,),
        ),
        Route(
            "POST", "/api/operations/{id}/cancel", "cancelOperation", bulk.cancel, write, "operations",
            answers={200: OperationView}, errors=(404, 409),
        ),

        Route(
            "GET", "/api/dead-letters", "listDeadLetters", letters.list, operate, "dead-letters", query=LettersQuery,
            answers={200: LettersPage}, errors=(422,),
        ),
        Route(
            "GET", "/api/dead-letters/statistics", "countDeadLetters", letters.count, operate, "dead-letters",
            query=CountQuery, answers={200: LetterCounts}, errors=(422,),
        ),
        Route(
            "POST", "/api/dead-letters/replay", "replayDeadLetters", letters.replay_many, operate, "dead-letters",
            body=ReplayManyOrder, body_limit=LETTER_LIMIT,
            example={"filter": {"reason": ["unknown_task"]}, "dryRun": True},
            answers={200: ReplayedPageView}, errors=(422,),
        ),
        Route(
            "GET", "/api/dead-letters/{id}", "getDeadLetter", letters.get, operate, "dead-letters",
            answers={200: LetterDetailsView}, errors=(404,), path_types={"id": LetterId},
        ),
        Route(
            "POST", "/api/dead-letters/{id}/replay", "replayDeadLetter", letters.replay, operate, "dead-letters",
            body=ReplayOrder, body_limit=LETTER_LIMIT, example={"dryRun": True}, path_types={"id": LetterId},
            answers={200: ReplayView}, errors=(404, 409, 422),
        ),
        Route(
            "DELETE", "/api/dead-letters/{id}", "discardDeadLetter", letters.discard, operate, "dead-letters",
            query=DiscardQuery, answers={204: None}, errors=(404, 409), path_types={"id": LetterId},
        ),

        Route(
            "GET", "/api/events", "listEvents", by.events.list, read, "events", query=EventsQuery,
            answers={200: EventsPage}, errors=(422,), headers=(LAST_EVENT_ID,), streams=True,
        ),

        Route("GET", "/api/metrics", "getMetrics", metrics.text, observe, "metrics", answers={200: _PROMETHEUS}),
        Route("GET", "/api/metrics/json", "getTaskFigures", metrics.json, observe, "metrics", query=HoursQuery),
        Route("GET", "/api/metrics/config", "getMetricsConfig", metrics.config, observe, "metrics"),

        Route("GET", "/api/health", "getHealth", health.overall, None, "health", errors=(503,)),
        Route("GET", "/api/health/live", "getLiveness", health.live, None, "health"),
        Route("GET", "/api/health/ready", "getReadiness", health.ready, None, "health", errors=(503,)),
        Route("GET", "/api/health/detailed", "getDetailedHealth", health.detailed, observe, "health", errors=(503,)),
        Route("GET", "/api/health/database", "getDatabaseHealth", health.database, observe, "health", errors=(503,)),
        Route("GET", "/api/health/kafka", "getKafkaHealth", health.kafka, observe, "health", errors=(503,)),
        Route("GET", "/api/health/service", "getServiceHealth", health.service, observe, "health", errors=(503,)),

        Route("GET", "/api/openapi.json", "getOpenApi", documentation.openapi, None, "documentation"),
        Route("GET", "/api/docs", "getDocs", documentation.page, None, "documentation", answers={200: "text/html"}),
        Route(
            "GET", "/api/docs/{file}", "getDocsFile", documentation.asset, None, "documentation",
            answers={200: "application/octet-stream"}, errors=(404,), path_types={"file": str},
        ),
    ]  # fmt: skip
