"""Logs and traces; nothing is loaded or started by importing this package."""
