"""Passages that a book offers, for a person to choose from."""
