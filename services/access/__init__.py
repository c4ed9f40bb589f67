"""Who may call, for which project, how often, for how much; and what they did."""
