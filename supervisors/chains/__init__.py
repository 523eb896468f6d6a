"""A seed of many chains: a process tree for each, under one small process that starts them again."""
