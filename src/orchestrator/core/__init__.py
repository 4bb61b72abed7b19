"""The decisions: pure functions over frozen values; standard library only, no clock, no I/O, no logging."""
