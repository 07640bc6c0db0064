"""The page Design: a network as a table and as text, what each block costs, and one change."""
