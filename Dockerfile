# syntax=docker/dockerfile:1
# The one container of the service: all programs under supervisord, started by bin/entrypoint.

FROM python:3.11.14-slim-bookworm AS dependencies
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.txt /tmp/requirements.txt
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --require-hashes --only-binary :all: --requirement /tmp/requirements.txt

FROM python:3.11.14-slim-bookworm
LABEL org.opencontainers.image.title="task-manager" \
      org.opencontainers.image.description="Follows web-crawl tasks from a Kafka gateway to the workers and back, exactly once."
RUN groupadd --gid 10001 taskmanager \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin taskmanager \
    && install --directory --owner=10001 --group=10001 --mode=0700 /run/taskmanager
COPY --from=dependencies /opt/venv /opt/venv
WORKDIR /app
COPY supervisord.conf ./
COPY bin/entrypoint bin/entrypoint
COPY bin/scale bin/scale
COPY sql sql
COPY taskmanager taskmanager
# Written at build time, so that the file system may be read-only.
RUN /opt/venv/bin/python -m compileall -q taskmanager

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    TASKMANAGER_RUN_DIR=/run/taskmanager \
    APP_HOST=0.0.0.0 \
    METRICS_HOST=0.0.0.0
USER 10001:10001
EXPOSE 3000 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ.get('APP_PORT', '3000') + '/api/health/live', timeout=2)"]
ENTRYPOINT ["bin/entrypoint"]
