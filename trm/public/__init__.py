"""Checkpoints that others made: found on this machine or on the hub, read without executing anything, and understood.

hub, weights          where the file is
tensor_file           its tensors, safely
state_dict            their plain names, out of wrappers and prefixes
config_yaml, shapes   what the yaml and the shapes tell
known_files           what is known of public files
format                all of it together: a configuration, and for each value where it is from
"""
