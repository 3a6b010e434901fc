"""Reference levels: reading published tables, making local ones after ICRP 135, comparing. Pure: no database."""
