"""Landing pages: what they show (`blocks`), who sees which variant (`assigning`), and what came of it (`counting`)."""

from leads.pages.counting import browser_of, converted, of_submission

__all__ = ["browser_of", "converted", "of_submission"]
