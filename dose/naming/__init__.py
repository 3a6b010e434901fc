"""What local names mean: the fields and rules that lead from a study's words to a standard procedure. No database."""
