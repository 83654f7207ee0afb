"""The names of a data folder's two files, as the course handed them out."""

IMAGES_FILE = "emnist_hex_images.npy"
LABELS_FILE = "emnist_hex_labels.npy"
