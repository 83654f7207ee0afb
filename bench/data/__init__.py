"""Images and labels: where they come from, what is checked, and how they are split."""
