"""``orchestrator doctor``: what was seen, judged without any input or output; :mod:`.examination` has it looked at."""
