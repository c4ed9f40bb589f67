"""`python -m teachback.cli`."""

from teachback.cli import main

main()
