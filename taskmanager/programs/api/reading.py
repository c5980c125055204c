"""The part of the REST program that shows tasks."""

from taskmanager.api.rest.statistics import StatisticsController
from taskmanager.api.rest.task_history import TaskHistoryController
from taskmanager.api.rest.task_lists import TaskListController
from taskmanager.api.rest.tasks import TaskController
from taskmanager.application.use_cases.get_task import GetTask
from taskmanager.application.use_cases.reading.compute_statistics import ComputeStatistics
from taskmanager.application.use_cases.reading.cursors import Cursors
from taskmanager.application.use_cases.reading.list_tasks import ListTasks
from taskmanager.application.use_cases.reading.read_trail import ReadTrail
from taskmanager.application.use_cases.reading.recall_task import RecallTask
from taskmanager.infrastructure.postgres.gathered_tasks import GatheredTaskReader
from taskmanager.infrastructure.postgres.pool import Reads
from taskmanager.infrastructure.postgres.statistics import PostgresStatistics
from taskmanager.infrastructure.postgres.task_history import PostgresTaskHistories
from taskmanager.infrastructure.postgres.task_lists import PostgresTaskLists
from taskmanager.programs.clock import SystemClock


class Reading:
    """The controllers, on a pool of connections."""

    def __init__(self, pool: Reads) -> None:
        lists, histories = PostgresTaskLists(pool), PostgresTaskHistories(pool)
        cursors = Cursors(lists)
        self.tasks = TaskController(GetTask(GatheredTaskReader(pool)), RecallTask(histories))
        self.lists = TaskListController(ListTasks(lists, cursors))
        self.history = TaskHistoryController(ReadTrail(histories, cursors))
        self.statistics = StatisticsController(ComputeStatistics(PostgresStatistics(pool), SystemClock().now))
