"""`make demo`: the real engine lives through the invented quarter of an invented company, on a virtual clock.

people.py    who there is          company.py   whom they deal with, as the product is set up for it
life.py      what they do (pure)   doors.py     how they do it: requests to the product's own doors
quarter.py   ninety days of it, tick by tick    keeping.py   a database of its own, begun anew when left half done
"""
