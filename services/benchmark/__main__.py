"""`python -m services.benchmark`."""

from services.benchmark.main import main

main()
