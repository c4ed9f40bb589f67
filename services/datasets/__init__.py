"""Source rows in and out: bytes to rows, rows to tasks, results back to rows, nothing of the row's own lost."""
