"""What is counted and how: measures, groups of patients, histograms, summaries. Pure: no database."""
