"""The program that makes the pages which are not written by hand, and the tests that hold the written ones to the code."""
