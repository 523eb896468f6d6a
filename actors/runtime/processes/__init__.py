"""How host processes come and go: the fork server, the root that counts them, and their end."""
