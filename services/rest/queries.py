"""Parameters of a query that a route does not take are refused, as unknown fields of a body are."""

from __future__ import annotations

from fastapi import Request

from services.access.guards import OPEN_PATHS
from services.configuration.names import hint
from services.errors import InvalidRequest


async def only_known(request: Request) -> None:
    """Stands before every route. Raises InvalidRequest, naming the parameter and the nearest one there is."""
    if request.url.path in OPEN_PATHS:  # what probes and balancers add of their own does no harm there
        return
    route = request.scope["route"]
    known = [field.alias for field in route.dependant.query_params]
    for name in request.query_params:
        if name not in known:
            near = hint(name, known)
            if known and not near:
                near = f"; there are {', '.join(known)}"
            raise InvalidRequest(f"query.{name[:40]}: {request.method} {route.path} takes no such parameter{near}")
