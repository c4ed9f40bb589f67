"""Ray, the engine that spreads work over machines: the way to a cluster, and what its workers do."""
