"""The planners' lab: a page where a planner moves levers and sees two futures, a thin shell over what the command line uses."""
