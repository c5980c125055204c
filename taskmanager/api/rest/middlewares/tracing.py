"""A span for every request, part of its caller's trace."""

from aiohttp import web
from aiohttp.typedefs import Handler
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from taskmanager.api.rest.middlewares.endpoint import endpoint, method

_tracer = trace.get_tracer("taskmanager.rest")
_propagator = TraceContextTextMapPropagator()


@web.middleware
async def traced(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The current span while a request is worked on; nothing in it is text of the client's own.

    Names follow OpenTelemetry's conventions: https://opentelemetry.io/docs/specs/semconv/http/http-spans/
    """
    verb, where = method(request), endpoint(request)
    parent = _propagator.extract(request.headers)
    with _tracer.start_as_current_span(f"{verb} {where}", context=parent, kind=SpanKind.SERVER) as span:
        response = await handler(request)
        if span.is_recording():
            span.set_attribute("http.request.method", verb)
            span.set_attribute("http.route", where)
            span.set_attribute("http.response.status_code", response.status)
            if response.status >= 500:
                span.set_status(StatusCode.ERROR)
        return response
