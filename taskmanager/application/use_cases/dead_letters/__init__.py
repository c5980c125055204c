"""What operators do with dead letters: list, count, show, replay, discard."""
