"""The report as one HTML file without requests: tables to sort and filter, a plot, a budget."""
