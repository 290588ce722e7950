"""The report as one HTML file that needs no network: tables to sort and filter, a plot, a budget."""
