"""What must hold between messages, events, tasks and counters; pure, no I/O."""
