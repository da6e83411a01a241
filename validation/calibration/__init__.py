"""The bench of the verifier: its error rates and its power, measured on ensembles whose truth is known.

``python -m fluctua.validation.calibration --size ci`` runs it and prints one line a cell.
"""
