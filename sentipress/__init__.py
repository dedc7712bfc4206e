"""Shared rooms of the six stages; importing the package loads nothing heavy."""
