"""How alike two data sets are to the models: accuracy, confusions, and one read by the other's models."""
