"""The flow: a pure core (`admit`) in a thin shell (`worker`, `sequencer`). Start reading at `broker.admit`."""
