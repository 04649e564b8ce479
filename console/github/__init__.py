"""What is asked of GitHub and written there: which logs are wanted and how they are cut, and what a report says. Pure."""
