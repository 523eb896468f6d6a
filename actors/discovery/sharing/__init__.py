"""One book and one crawl for several nodes of a chain: the rules."""
