"""One module per model file format: load, predict, list what is stored."""
