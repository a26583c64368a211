"""Decision rules on the outcome counts of circuits; the only part of stats/ that may import numpy and scipy."""
