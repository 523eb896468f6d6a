"""Several edge nodes of one chain with one book and one crawl, on a Ray cluster."""
