"""From local names to standard procedures: fields, rules, suggestions. Pure: no database."""
