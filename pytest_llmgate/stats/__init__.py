"""Pure decision mathematics: rules, exact designs, intervals, comparisons, planning. Stdlib only."""
