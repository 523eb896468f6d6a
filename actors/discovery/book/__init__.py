"""The address book: which addresses are known, which have answered, and which are banned."""
