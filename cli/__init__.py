"""The `safeconduct` command: composition roots only, one file a command group. Nobody imports this."""
