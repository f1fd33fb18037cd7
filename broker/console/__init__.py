"""The officers' console: what was decided and why, who may share what, whom we trust, how the log is; never content."""
