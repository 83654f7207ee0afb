"""How alike two data sets are to the models: accuracy, confusions, and cross-dataset evaluation."""
