"""What is wrong with an installation, and how to mend it.

`gather/` collects facts, and judges nothing; `checks/` are pure functions from facts (`facts.py`) to findings.
"""
