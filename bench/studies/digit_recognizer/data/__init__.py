"""The report's data: the course's files, EMNIST built like them, and synthetic images."""
