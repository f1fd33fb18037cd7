"""NATS: the embedded server, who may touch which subject, and the ports that broker and adapters use.

This is the only folder that imports `nats`. It moves bytes: it parses no envelope, checks no signature and decides
nothing, and it trusts nothing that it carries. Start reading in `subjects.py`, then `queue.py`.
"""
