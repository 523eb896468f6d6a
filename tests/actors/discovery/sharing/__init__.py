"""The rules by which several nodes of a chain share a book and a crawl."""
