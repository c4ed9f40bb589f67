"""Finished examples as trainers' files."""
