"""The decisions of peer exchange: whom to ask, whom to dial, and how often others may ask."""
