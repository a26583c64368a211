"""Do several replies to one question say the same? Support, disagreement and fields, offline."""
