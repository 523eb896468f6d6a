"""Actors on the nodes of a Ray cluster, as if they were at home. Ray is imported when the first one is started."""
