"""What the release guard is made of, besides `adapters.guard`, which says what it promises.

settings    the guard's own file: who may ask, how strictly it looks, what it demands
second      a second detector, simple and of its own making, so that a fault in the matcher is not a fault in both
languages   which scripts and languages a text may be in, and how that is told
wire        requests and answers in frames of bounded size
service     the process: a socket, who may ask, how many at once and for how long
"""
