"""Finished examples as the files that trainers read."""
