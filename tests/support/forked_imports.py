"""What a forked service has already imported (forked.py): nothing that starts a thread."""

import _pytest.config  # noqa: F401 - the main program of the tests, which multiprocessing loads in every child

import services.main  # noqa: F401 - the whole service
