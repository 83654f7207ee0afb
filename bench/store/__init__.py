"""What is kept of a run: typed records, the manifest, and the folder that holds them."""
