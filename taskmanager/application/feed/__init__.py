"""The event log as clients follow it: by pages, and live from one place for all listeners of a process."""
