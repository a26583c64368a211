"""Two models on one suite: the same cases, the same trials, one decision."""
