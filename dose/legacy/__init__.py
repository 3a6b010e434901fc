"""Former doses from tables, and doses that a person types: read, checked row by row, and laid down like any object.

Reading and checking know no database: `table` (CSV, XLSX) -> `mapping` (what each column means) -> `check` (rows to
documents or refusals). `batches` lays documents down through `dose.ingest`, and takes them back.
"""
