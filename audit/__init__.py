"""What happened, readable and checkable without any of the rest: the second, independent implementation.

Start at `fsck.check`, or `python -m audit --help`. Needs the standard library and `cryptography`, nothing else.
"""
