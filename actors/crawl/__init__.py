"""Crawling a network: the surveyor, and the visitors that it sends out."""
