"""The recipe that makes examples of inner life."""
