"""Judges: a model is asked about a reply, within the trial, and its answer is read strictly."""
