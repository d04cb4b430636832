"""What figures cost: price lists, the formulas of their meters, and amounts that add up as they are shown."""
