"""The commands of the command line, one module each. They parse and print; the other packages do the work."""
