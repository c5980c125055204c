"""The health checks over HTTP."""
