"""A page of a listing, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, Row, Select, Table

from services.store.ids import page_size, page_token, read_token


def newest(
    engine: Engine, query: Select[*tuple[Any, ...]], table: Table, size: int, token: str
) -> tuple[Sequence[Row[*tuple[Any, ...]]], str]:
    """Rows of a table that has `created` and `id`, and the token of the page after them: empty where there is none.

    Raises InvalidRequest for a size or a token that can't be.
    """
    limit, c = page_size(size), table.c
    query = query.order_by(c.created.desc(), c.id.desc())
    if at := read_token(token, float, str):
        created, id_ = at
        query = query.where((c.created < created) | ((c.created == created) & (c.id < id_)))
    with engine.connect() as connection:
        rows = connection.execute(query.limit(limit + 1)).all()
    more = page_token(rows[limit - 1].created, rows[limit - 1].id) if len(rows) > limit else ""
    return rows[:limit], more
