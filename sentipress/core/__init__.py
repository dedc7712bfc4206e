"""Errors, files, flags, the list of stages, and TensorFlow as every stage loads it."""
