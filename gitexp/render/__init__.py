"""Values as text and JSON: the only place that rounds, aligns, colours or adds a percent sign."""
