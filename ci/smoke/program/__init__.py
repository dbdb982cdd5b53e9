"""The program that checks an image from the inside; standard library only."""
