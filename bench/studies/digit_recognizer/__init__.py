"""The report 'Project 2: Digit recognizer'."""
