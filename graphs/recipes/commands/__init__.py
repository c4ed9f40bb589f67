"""Requests to a command line and the calls that they mean, from the schema of the command line."""
