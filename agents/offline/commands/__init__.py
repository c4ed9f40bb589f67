"""Requests to a command line, written and read by rules: all they know is in the prompt."""
