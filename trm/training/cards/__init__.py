"""The cards of the bundled models.

card     the text of a card
"""
