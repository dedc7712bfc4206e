"""The demo page: what a browser needs to read a text as Python does."""
