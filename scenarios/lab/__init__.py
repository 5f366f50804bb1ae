"""The planners' lab: move a lever, see two futures. A thin shell over what the command line uses."""
