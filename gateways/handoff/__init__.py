"""Workers of one service hand each other what belongs to the other: the doors' side of `[service] workers`."""
