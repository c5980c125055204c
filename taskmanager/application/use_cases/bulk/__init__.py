"""Changes to many tasks at once: asked for, tried without effect, made a chunk at a time, followed, called off."""
