"""Lists: one line a row, as wide as the terminal, whatever stands in the rows.

`columns.py` says what a list shows, `layout.py` how much of it has room, `shorten.py` how a long id is told with less,
`writing.py` and `watching.py` put it on standard output: as a table for people, as JSON or CSV for programs.
"""
