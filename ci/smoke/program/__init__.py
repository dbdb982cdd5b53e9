"""The program that runs inside an image under test; standard library only."""
