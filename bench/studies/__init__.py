"""Studies: one folder for each report that is judged."""
