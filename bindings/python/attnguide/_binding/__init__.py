"""The C library through ctypes, by facts that header.py reads from the header."""
