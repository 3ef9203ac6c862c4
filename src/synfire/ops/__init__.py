"""Pure functions on tensors, a folder each: the reference is the meaning, the back ends are fast."""
