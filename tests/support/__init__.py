"""What the tests share: a far model that can be slow, fail and lie, a service in a process of its own, rows for both."""
