"""Limits of models that hold across processes: services, and workers of a Ray cluster, on one PostgreSQL."""
