"""The use cases: each loads facts, asks the core, and applies one set of changes."""
