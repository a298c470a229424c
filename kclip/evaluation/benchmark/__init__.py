"""Multi-label methods on frozen features, side by side: methods x data sets x ratios x seeds."""
