"""One gate a file: each reads the facts of an incident and answers with verdict and reason; ``streams/decide.py`` holds their order."""
