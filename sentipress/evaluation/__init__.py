"""Scores, statistics, times, the metrics record, and pictures."""
