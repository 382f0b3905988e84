"""People on their way through sequences: let in, moved on, woken, held, ended. Set-based, under locks of leads."""
