"""Published results rebuilt: one file a paper, results as JSON lines, a report beside what was printed.

``python -m dropout_lab.replications list | run NAME … | report``; :mod:`dropout_lab.replications.command_line` has the
options. This package needs the extra `replications` (joblib) to run, and none to read the report.
"""
