"""What people read of a run. `summary` computes once; the others only render."""
