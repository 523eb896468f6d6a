"""The decisions of peer exchange: which peers to ask, which addresses to dial, and how often others may ask us."""
