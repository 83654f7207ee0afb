"""Trained models on the disk: saved with a card, loaded without executing what lies there."""
