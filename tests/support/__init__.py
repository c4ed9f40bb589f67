"""What the tests share: a far model that can be slow, fail and lie, a service process, rows for both."""
