"""Limits that processes share are in PostgreSQL."""

from __future__ import annotations

from tests.support.databases import HERE

collect_ignore = [] if HERE else ["test_shared.py"]
"""Without PostgreSQL these tests do not exist: a skip would be taken for a failure, and rightly."""
