"""Read one or many series from a file or a data frame into a `Panel`."""
