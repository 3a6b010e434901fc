"""Shipped tables of facts (vocabulary, reference levels) with their sources and notices; data only, no database."""
