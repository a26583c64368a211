"""Models that say whether a text follows from a source: cross-encoders, from weights that lie on the disk."""
