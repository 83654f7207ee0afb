"""What is to be measured: cells, and the suites that name them."""
