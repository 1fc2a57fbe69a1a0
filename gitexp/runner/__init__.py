"""Running trials: checkouts, processes, clocks and what a command reports."""
