"""Follows web-crawl tasks from a Kafka gateway to the workers and back, exactly once, with their whole history."""

__version__ = "0.1.0"
