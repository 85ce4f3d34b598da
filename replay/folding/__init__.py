"""How the events of a call change its state, by family; replay/fold.py has the table of all."""
