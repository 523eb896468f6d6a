"""How an actor runs: the loop of a host, its actors, and their mailboxes."""
