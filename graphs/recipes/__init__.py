"""Making examples from a source: a package for each recipe, and what they have in common."""
