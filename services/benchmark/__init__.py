"""Which of a server's models is fast enough and good enough: measured, rated, ranked. A program of its own."""
