"""Circuit tests put together: arms, what each gate asks of each, the rules that answer, and where shots come from."""
