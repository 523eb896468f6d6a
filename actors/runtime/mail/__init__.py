"""How a message travels: what is sent, along which way, and who waits for the answer."""
