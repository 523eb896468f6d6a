"""The switch: which peers are connected, which may connect, and which are dialled again."""
