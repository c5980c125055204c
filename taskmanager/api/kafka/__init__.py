"""Messages in: from bytes to commands, and the loop that carries them to the use case."""
