"""Bag-of-words classifiers."""
