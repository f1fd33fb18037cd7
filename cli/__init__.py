"""The `safeconduct` command: composition roots only, one file a command group. Nobody imports this."""

import gc

# What a program loads stays to its end: to look through it for garbage at Python's own pace took about an eighth of the
# start of every command and service.
gc.set_threshold(20_000, 20, 20)
