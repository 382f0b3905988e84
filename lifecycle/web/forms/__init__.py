"""Pages around forms: the hosted form, the thanks, and the confirmation of an address."""
