"""Is a reply supported by its sources? Sentences, evidence, findings and a calibrated risk, offline."""
