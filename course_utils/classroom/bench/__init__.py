"""What the course promises in figures, measured."""
