"""The documents of a bundle: `report.html`, answer first, and `card.md`."""
