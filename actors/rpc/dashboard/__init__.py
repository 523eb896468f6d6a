"""The dashboard: a page that shows what a running node does, served by the node itself."""
