"""What the evaluation consists of: what an answer is worth, what rows have in common, intervals, reports."""
