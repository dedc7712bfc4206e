"""Tasks and their texts: sources, cleaning, splits."""
