"""The settings beside their model: which names there are, the file, where a value came from, what is shown of it."""
