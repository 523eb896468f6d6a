"""A whole network's peer exchange on virtual time."""
