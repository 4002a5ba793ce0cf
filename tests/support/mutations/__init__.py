"""Files made hostile on purpose: good ones of every kind, changed by chance from a number, and who reads them.

seeds            a small good file or folder of every kind that is read
values           bytes, text, and what stands in the place of a value in JSON or YAML
arrays, pickles  headers of arrays and tensors; instructions of pickles
containers       zips, tables, packed files, and any file of a folder
readers          each kind as a person would have it read
worker           a process that reads mutated files and says what went wrong
"""
