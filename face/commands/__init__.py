"""The commands of the command line, a module each; they parse and print, the rooms do the work."""
