"""Chat examples from text chunks, in the voices of personas."""
