"""Checkpoints that others made: found on this machine or on the hub, read without executing anything, and understood.

hub, weights          where the file is
containers            what it holds, a module a format
state_dict            the weights among that, by their plain names, and which copy of them
places, settings      what describes them: in the file, beside it, a folder up; plain_yaml reads strangers' yaml
sections              the model's part of that, out of what W&B and Hydra put around it
shapes, agreement     what the shapes tell, and whether settings are of these weights
public_checkpoints           what is known of public files
other_models          what cannot be opened, and why
format                all of it together: a configuration, and for each value where it is from
"""
