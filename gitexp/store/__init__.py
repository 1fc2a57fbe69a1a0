"""Git as the store: the only part that reads or changes a repository."""
