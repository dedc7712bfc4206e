"""The comparison table and the report, made from metrics files alone."""
