"""Shared rooms of the five stages; importing the package loads nothing heavy."""
