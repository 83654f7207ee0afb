"""One cell in, one record out, with honest times."""
