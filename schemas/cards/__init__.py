"""The shipped strategy cards, one family a file; ``schemas/catalogue.py`` lists them in order."""
