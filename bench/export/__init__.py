"""Results for other tools: what is exported is made of the records alone, and the results are only read."""
