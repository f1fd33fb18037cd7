"""NATS: the embedded server, who may touch which subject, and the ports that broker and adapters use.

This is the only folder that imports `nats`. It moves bytes: it parses no envelope, checks no signature and decides
nothing, and it trusts nothing that it carries. Start reading in `subjects.py`, then `queue.py`. Beside all that,
`processes.py` is how broker and adapters start processes of their own, some of which connect here.
"""
