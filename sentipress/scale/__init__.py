"""Answering archives of any size: files in, parts with an answer for each row out, by one process or many."""
