"""The planners' lab: a web page where a planner moves a lever and sees two futures (``run.py lab``).

The page is a thin shell over the functions that the command line uses: it has no rule and no statistic of its own.
"""
