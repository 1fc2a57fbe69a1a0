"""Hooks as files: their texts, where git looks for them, and how they get there and away."""
