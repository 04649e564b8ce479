"""Who is told what, when: pure decisions from the records of the flow; ``console/notify.py`` carries the letters out."""
